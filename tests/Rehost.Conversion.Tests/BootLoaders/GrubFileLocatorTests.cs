using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.BootLoaders;

public sealed class GrubFileLocatorTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    [Fact]
    public void The_hosts_files_are_found_in_the_usual_places()
        => Assert.Equal(GrubWitness.Directory, GrubFileLocator.Find(null, null).Description);

    [Fact]
    public void The_guests_files_come_first()
    {
        var found = GrubFileLocator.Find(Guest("/usr/lib/grub2/i386-pc"), null);
        Assert.Equal("the guest's /usr/lib/grub2/i386-pc", found.Description);
        Assert.Equal(GrubWitness.Files.Read("boot.img"), found.Read("boot.img"));
    }

    [Fact]
    public void An_explicit_directory_may_be_the_one_above()
        => Assert.Equal(GrubWitness.Directory, GrubFileLocator.Find(Guest("/usr/lib/grub2/i386-pc"), "/usr/lib/grub").Description);

    [Fact]
    public void Nothing_found_says_what_to_install()
    {
        var thrown = Assert.Throws<DiagnosticException>(() => GrubFileLocator.Find(null, null, [_scratch.Path]));
        Assert.Equal("GRB001", thrown.Diagnostic.Id);
        Assert.Contains("grub-pc-bin", thrown.Diagnostic.NextStep, StringComparison.Ordinal);
        Assert.Contains("--grub-dir", thrown.Diagnostic.NextStep, StringComparison.Ordinal);
        thrown = Assert.Throws<DiagnosticException>(() => GrubFileLocator.Find(null, _scratch.Path));
        Assert.Equal("GRB001", thrown.Diagnostic.Id);
        Assert.Contains("kernel.img", thrown.Diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_version_is_the_one_that_grub_mkimage_says()
    {
        var told = Tool.MustRun("grub-mkimage", "--version").Trim().Split(' ')[^1];
        Assert.Equal(told, GrubFileLocator.ReadVersion(GrubWitness.Files));
    }

    [Theory]
    [InlineData("../kernel.img")]
    [InlineData("nosuch.mod")]
    [InlineData("")]
    public void Missing_and_strange_names_are_refused(string name)
    {
        Assert.Equal("GRB002", Assert.Throws<DiagnosticException>(() => GrubWitness.Files.Read(name)).Diagnostic.Id);
        Assert.Equal("GRB002", Assert.Throws<DiagnosticException>(() => Guest("/g")("/g").Read(name)).Diagnostic.Id);
    }

    [Fact]
    public void Large_files_are_refused_unread()
    {
        using (var file = File.Create(_scratch["kernel.img"]))
        {
            file.SetLength(1L << 40);
        }

        Assert.Equal("GRB003", Assert.Throws<DiagnosticException>(() => new HostGrubFiles(_scratch.Path).Read("kernel.img")).Diagnostic.Id);
        var guest = new GuestGrubFiles("/g", _ => 1L << 40, _ => throw new InvalidOperationException("was read"));
        Assert.Equal("GRB003", Assert.Throws<DiagnosticException>(() => guest.Read("kernel.img")).Diagnostic.Id);
    }

    public void Dispose() => _scratch.Dispose();

    private static Func<string, IGrubFiles> Guest(string home) => directory => new GuestGrubFiles(
        directory,
        path => path.StartsWith(home + "/", StringComparison.Ordinal) && File.Exists(Host(path)) ? new FileInfo(Host(path)).Length : null,
        path => File.ReadAllBytes(Host(path)));

    private static string Host(string path) => Path.Combine(GrubWitness.Directory, Path.GetFileName(path));
}
