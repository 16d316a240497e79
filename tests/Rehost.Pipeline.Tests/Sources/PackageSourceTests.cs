using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;
using Rehost.Pipeline.Images;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Sources;

/// <summary>OVA, OVF and XVA as sources: recognised by content, read in place, and nothing kept that does not match its checksums.</summary>
public sealed class PackageSourceTests
{
    private const int MiB = 1 << 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("a.ova")]
    [InlineData("without-extension")]
    [Requirement("S3.2")]
    public void An_ova_is_a_source(string name)
    {
        using var scratch = new ScratchDirectory();
        var content = Noise(3 * MiB);
        WriteOva(scratch[name], content);
        using var source = KnownSources.Open(new SourceRequest(scratch[name]), Token);
        Assert.Equal(("ovf", "web", Hypervisor.Vmware), (source.Kind, source.Machine.Name, source.Machine.Hypervisor));
        Assert.Equal(content, Read(Assert.Single(source.Disks)));
        source.EnsureUnchanged();
    }

    [Fact]
    public void A_folder_is_a_source()
    {
        using var scratch = new ScratchDirectory();
        var content = Noise(MiB);
        using (var writer = new OvfFolderWriter(scratch.Path, Machine(content), new OvfWriterOptions { DiskFormat = "qcow2" }))
        {
            Write(writer.BeginDisk(content.Length), content);
            writer.Complete(Token);
        }

        using var source = KnownSources.Open(new SourceRequest(scratch["web.ovf"]), Token);
        Assert.Equal(("ovf", "qcow2"), (source.Kind, source.Machine.Disks[0].Format));
        Assert.Equal(content, Read(Assert.Single(source.Disks)));
        Assert.Equal(2, source.Files.Length);
    }

    [Fact]
    public void A_small_package_is_compared_with_its_manifest_at_once()
    {
        using var scratch = new ScratchDirectory();
        WriteOva(scratch["a.ova"], Noise(MiB));
        FlipBit(scratch["a.ova"], 700_000);
        var error = Assert.Throws<DiagnosticException>(() => KnownSources.Open(new SourceRequest(scratch["a.ova"]), Token)).Diagnostic;
        Assert.Equal("OVF009", error.Id);
        Assert.Contains("web-disk1.raw", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A large one is compared on a thread of its own; what a conversion asks before it commits waits for that thread.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_large_package_is_compared_before_anything_is_kept(bool isDamaged)
    {
        using var scratch = new ScratchDirectory();
        WriteOva(scratch["a.ova"], Noise(70 * MiB));
        if (isDamaged)
        {
            FlipBit(scratch["a.ova"], 60 * MiB);
        }

        using var source = KnownSources.Open(new SourceRequest(scratch["a.ova"]), Token);
        Assert.Contains("OVF019", source.Findings.Select(finding => finding.Id));
        if (isDamaged)
        {
            Assert.Equal("OVF009", Assert.Throws<DiagnosticException>(source.EnsureUnchanged).Diagnostic.Id);
        }
        else
        {
            source.EnsureUnchanged();
        }
    }

    [Theory]
    [InlineData("cat")]
    [InlineData("gzip -1")]
    [InlineData("zstd -1")]
    public void An_xva_is_a_source_however_it_is_compressed(string compressor) // S4.2, S4.6, S4.13
    {
        using var scratch = new ScratchDirectory();
        var content = Noise(3 * MiB);
        WriteXva(scratch["plain"], content);
        Tool.MustRun("sh", "-c", $"{compressor} < '{scratch["plain"]}' > '{scratch["a.xva"]}'");
        using var source = KnownSources.Open(new SourceRequest(scratch["a.xva"]), Token);
        Assert.Equal(("xva", "web"), (source.Kind, source.Machine.Name));
        Assert.Equal(content, Read(Assert.Single(source.Disks)));
        Assert.Equal(compressor.StartsWith("zstd", StringComparison.Ordinal) ? ["XVA016"] : [], source.Findings.Select(finding => finding.Id));
    }

    /// <summary>The same files as images: 'rehost image' finds the disk in an OVA and in a compressed export whatever they are called, and keeps nothing damaged.</summary>
    [Theory]
    [InlineData("ova", "ova", false)]
    [InlineData("ova", "ova", true)]
    [InlineData("gzip -1", "xva", false)]
    [InlineData("zstd -1", "xva", false)]
    [Requirement("S3.2", "S3.3")]
    public void A_disk_inside_converts_as_an_image(string kind, string format, bool isDamaged)
    {
        using var scratch = new ScratchDirectory();
        var content = Noise(2 * MiB);
        if (kind == "ova")
        {
            WriteOva(scratch["file"], content);
        }
        else
        {
            WriteXva(scratch["plain"], content);
            Tool.MustRun("sh", "-c", $"{kind} < '{scratch["plain"]}' > '{scratch["file"]}'");
        }

        if (isDamaged)
        {
            FlipBit(scratch["file"], MiB);
        }

        var request = new ImageConversionRequest(new ImageRequest(scratch["file"]), scratch["out.raw"]);
        if (isDamaged)
        {
            Assert.Equal("OVF009", Assert.Throws<DiagnosticException>(() => ImageConversion.Run(request, new SilentProgress(), Token)).Diagnostic.Id);
            Assert.Equal(["file"], Directory.GetFiles(scratch.Path).Select(Path.GetFileName));
            return;
        }

        Assert.Equal(format, ImageConversion.Run(request, new SilentProgress(), Token).SourceFormat);
        Assert.Equal(content, File.ReadAllBytes(scratch["out.raw"]));
    }

    private static void WriteXva(string path, byte[] content)
    {
        using var file = CommittedFile.Create(path);
        using var archive = new XvaWriter(file, new XvaWriterOptions());
        var description = OvaXmlWriter.Describe(Machine(content));
        archive.WriteDescription(description.Xml.Span);
        Write(archive.BeginDisk(description.DiskIds[0], content.Length), content);
        archive.Complete(Token);
        file.Commit();
    }

    private static VirtualMachine Machine(byte[] content) => new()
    {
        Name = "web",
        Hypervisor = Hypervisor.Xen,
        Mode = VirtualizationMode.Hardware,
        Firmware = Firmware.Bios,
        MemoryBytes = 1L << 30,
        Disks = [new VirtualDisk { Id = "xvda", DeviceName = "xvda", LengthBytes = content.Length, IsBootable = true }],
    };

    private static void WriteOva(string path, byte[] content)
    {
        using var file = CommittedFile.Create(path);
        using var writer = new OvaWriter(file, Machine(content), new OvfWriterOptions { DiskFormat = "raw" });
        Write(writer.BeginDisk(content.Length), content);
        writer.Complete(Token);
        file.Commit();
    }

    private static void Write(IImageWriter disk, byte[] content)
    {
        using (disk)
        {
            disk.Write(GuestOffset.Zero, content);
            disk.Complete(Token);
        }
    }

    private static byte[] Read(IBlockDevice disk)
    {
        var content = new byte[disk.Length];
        disk.Read(GuestOffset.Zero, content);
        return content;
    }

    private static void FlipBit(string path, long at)
    {
        using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = at;
        var one = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(one ^ 0x20));
    }

    private static byte[] Noise(int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        return content;
    }
}
