using System.Security.Cryptography;
using Rehost.Archives.Packages;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Archives.Tests.Packages;

/// <summary>Our reading of packages against what rpm2cpio with cpio and dpkg-deb unpack.</summary>
[Requirement("S0.9", "S0.40", "S2.9")]
public sealed class PackageTests
{
    [Theory]
    [InlineData("w6.gzdio")]
    [InlineData("w2.xzdio")]
    [InlineData("w3.zstdio")]
    [InlineData("w6.bzdio")]
    [InlineData("w2.lzdio")]
    public void Rpms_unpack_as_rpm2cpio_does(string compression)
    {
        using var scratch = new ScratchDirectory();
        var file = PackageMaker.Rpm(scratch, PackageMaker.Tree(scratch), compression);
        Tool.MustRun("sh", "-c", $"mkdir '{scratch["out"]}' && cd '{scratch["out"]}' && rpm2cpio '{file}' | cpio -idm --quiet");
        using var stream = File.OpenRead(file);
        var package = SoftwarePackage.Open(stream, "p.rpm");
        Assert.Equal((PackageFormat.Rpm, "kernel-test", "3:2.6.18-1.el5", "x86_64"), (package.Format, package.Name, package.Version, package.Architecture));
        Assert.Equal(["postin"], package.Scripts);
        Compare(package, scratch["out"]);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("xz")]
    [InlineData("zstd")]
    [InlineData("none")]
    public void Debs_unpack_as_dpkg_does(string compression)
    {
        using var scratch = new ScratchDirectory();
        var file = PackageMaker.Deb(scratch, PackageMaker.Tree(scratch), compression);
        Tool.MustRun("dpkg-deb", "-x", file, scratch["out"]);
        using var stream = File.OpenRead(file);
        var package = SoftwarePackage.Open(stream, "p.deb");
        Assert.Equal((PackageFormat.Deb, "linux-test", "1:6.1-3", "amd64"), (package.Format, package.Name, package.Version, package.Architecture));
        Assert.Equal(["postinst"], package.Scripts);
        Compare(package, scratch["out"]);
    }

    [Fact]
    public void A_changed_byte_of_the_payload_is_found()
    {
        using var scratch = new ScratchDirectory();
        var bytes = File.ReadAllBytes(PackageMaker.Rpm(scratch, PackageMaker.Tree(scratch), "w6.gzdio"));
        bytes[^100] ^= 1;
        Assert.Equal("PKG003", Assert.Throws<DiagnosticException>(() => SoftwarePackage.Open(new MemoryStream(bytes), "p")).Diagnostic.Id);
    }

    [Fact]
    public void Other_files_are_refused_by_name()
    {
        Assert.Equal("PKG001", Assert.Throws<DiagnosticException>(() => SoftwarePackage.Open(new MemoryStream("PK\u0003\u0004"u8.ToArray()), "p")).Diagnostic.Id);
        Assert.Equal("PKG001", Assert.Throws<DiagnosticException>(() => SoftwarePackage.Open(new MemoryStream(), "p")).Diagnostic.Id);
        byte[] source = [0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 1, .. new byte[88]];
        Assert.Equal("PKG004", Assert.Throws<DiagnosticException>(() => SoftwarePackage.Open(new MemoryStream(source), "p")).Diagnostic.Id);
    }

    [Theory]
    [InlineData("deb gzip")]
    [InlineData("deb none")]
    [InlineData("rpm w6.gzdio")]
    [InlineData("rpm w3.zstdio")]
    public void Mutated_packages_end_in_a_diagnostic(string kind)
    {
        using var scratch = new ScratchDirectory();
        var tree = scratch["small"];
        Directory.CreateDirectory(Path.Combine(tree, "boot"));
        File.WriteAllText(Path.Combine(tree, "boot/file"), "content");
        File.CreateSymbolicLink(Path.Combine(tree, "boot/link"), "file");
        var compression = kind.Split(' ')[1];
        var valid = File.ReadAllBytes(kind.StartsWith("deb", StringComparison.Ordinal) ? PackageMaker.Deb(scratch, tree, compression) : PackageMaker.Rpm(scratch, tree, compression));
        var random = new Random(kind.Length);
        var refused = 0;
        for (var round = 0; round < Fuzzing.Rounds(1500); round++)
        {
            var hostile = Mutations.Of(valid, random);
            try
            {
                foreach (var entry in SoftwarePackage.Open(new MemoryStream(hostile), "p").ReadEntries(TestContext.Current.CancellationToken))
                {
                    Assert.DoesNotContain("..", entry.Path.Split('/'));
                    entry.ReadAll(1 << 20);
                }
            }
            catch (DiagnosticException)
            {
                refused++;
            }
        }

        Assert.True(refused > 300, $"{refused} were refused");
    }

    private static void Compare(SoftwarePackage package, string unpacked)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in package.ReadEntries(TestContext.Current.CancellationToken))
        {
            found.Add(entry.Path, entry.Kind switch
            {
                PackageEntryKind.File => $"file {Convert.ToHexString(SHA256.HashData(entry.ReadAll(10 << 20)))} {entry.Permissions:x}",
                PackageEntryKind.SymbolicLink => "link " + entry.LinkTarget,
                PackageEntryKind.HardLink => found[entry.LinkTarget ?? ""],
                _ => "directory",
            });
            Assert.Equal(("root", "root"), (entry.User, entry.Group));
        }

        var expected = Directory.EnumerateFileSystemEntries(unpacked, "*", SearchOption.AllDirectories).ToDictionary(path => path[unpacked.Length..], path =>
            new FileInfo(path).LinkTarget is { } target ? "link " + target : Directory.Exists(path) ? "directory" : $"file {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))} {(int)File.GetUnixFileMode(path):x}", StringComparer.Ordinal);
        foreach (var (path, what) in expected)
        {
            Assert.True(found.TryGetValue(path, out var ours) ? ours == what : what == "directory", $"{path}: {what}, found {found.GetValueOrDefault(path)}");
        }

        Assert.Empty(found.Keys.Where(path => path != "/").Except(expected.Keys));
    }
}
