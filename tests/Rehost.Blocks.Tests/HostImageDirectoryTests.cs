using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Blocks.Tests;

/// <summary>References come out of images: whatever they look like, nothing outside of the directory is opened (S0.24).</summary>
public sealed class HostImageDirectoryTests
{
    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../secret")]
    [InlineData("sub/../../secret")]
    [InlineData("./../secret")]
    [InlineData("//etc//passwd")]
    [InlineData("link-out")]
    [InlineData("link-dir/secret")]
    [InlineData("link-absolute")]
    [InlineData("/proc/self/root/etc/passwd")]
    [InlineData("/dev/zero")]
    public void WhatLeadsOutIsRefused(string reference)
    {
        using var scratch = Make(out var directory);
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => directory.Open(reference)).Diagnostic.Id);
        Assert.False(directory.Exists(reference));
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("loop-a")]
    [InlineData("../images/missing")]
    public void WhatIsNotThereIsMissing(string reference)
    {
        using var scratch = Make(out var directory);
        Assert.Equal("BLK005", Assert.Throws<DiagnosticException>(() => directory.Open(reference)).Diagnostic.Id);
        Assert.False(directory.Exists(reference));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void ImpossibleNamesAreRefused(string reference)
    {
        using var scratch = Make(out var directory);
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => directory.Open(reference)).Diagnostic.Id);
        Assert.False(directory.Exists(reference));
    }

    [Theory]
    [InlineData("base")]
    [InlineData("./sub/../base")]
    [InlineData("../images/base")]
    [InlineData("link-in")]
    [InlineData("sub/nested")]
    public void WhatStaysInsideIsOpened(string reference)
    {
        using var scratch = Make(out var directory);
        Assert.True(directory.Exists(reference));
        var found = directory.Open(reference);
        found.File.Dispose();
        Assert.StartsWith(scratch["images"], found.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void AReferencedImageHasItsOwnDirectoryAndTheSameLimits()
    {
        using var scratch = Make(out var directory);
        var nested = directory.Open("sub/nested");
        nested.File.Dispose();
        nested.Directory.Open("../base").File.Dispose();
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => nested.Directory.Open("../../secret")).Diagnostic.Id);
    }

    [Fact]
    public void WhatTheOperatorAllowsIsFollowed()
    {
        using var scratch = Make(out _);
        var directory = HostImageDirectory.Of(scratch["images/top"], [scratch["secret"], scratch["other"]]);
        directory.Open("../secret").File.Dispose();
        directory.Open("link-out").File.Dispose();
        directory.Open("../other/file").File.Dispose();
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => directory.Open("../secret2")).Diagnostic.Id);
        Assert.Equal("BLK005", Assert.Throws<DiagnosticException>(() => HostImageDirectory.Of(scratch["images/top"], [scratch["nowhere"]])).Diagnostic.Id);
    }

    [Fact]
    public void WhatIsNoFileIsRefusedAndNotWaitedFor()
    {
        using var scratch = Make(out var directory);
        Tool.MustRun("mkfifo", scratch["images/pipe"]);
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => directory.Open("pipe")).Diagnostic.Id);
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => directory.Open("sub")).Diagnostic.Id);
        var everything = HostImageDirectory.Of(scratch["images/top"], ["/"]);
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => everything.Open("/dev/zero")).Diagnostic.Id);
    }

    private static ScratchDirectory Make(out HostImageDirectory directory)
    {
        var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["images/sub"]);
        Directory.CreateDirectory(scratch["other"]);
        foreach (var name in new[] { "secret", "secret2", "other/file", "images/top", "images/base", "images/sub/nested" })
        {
            File.WriteAllText(scratch[name], name);
        }

        File.CreateSymbolicLink(scratch["images/link-in"], "sub/nested");
        File.CreateSymbolicLink(scratch["images/link-out"], "../secret");
        File.CreateSymbolicLink(scratch["images/link-absolute"], "/etc/passwd");
        File.CreateSymbolicLink(scratch["images/link-dir"], "..");
        File.CreateSymbolicLink(scratch["images/loop-a"], "loop-b");
        File.CreateSymbolicLink(scratch["images/loop-b"], "loop-a");
        directory = HostImageDirectory.Of(scratch["images/top"]);
        return scratch;
    }
}
