using System.Text;
using Rehost.Inspection.Windows.Drivers;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Testing.Windows;

namespace Rehost.Inspection.Tests.Windows;

/// <summary>Setup information files, with every turn of phrase that drivers use; driver collections as directory and as ISO image.</summary>
public sealed class InfPackageTests
{
    [Fact]
    public void A_package_is_what_its_sections_say()
    {
        using var scratch = new ScratchDirectory();
        PhonyVirtioWin.Create(scratch.Path, ["2k19"]);
        var package = DriverLibraryReader.Read(Files(scratch.Path), "amd64", TestContext.Current.CancellationToken).Single(one => one.InfName == "viostor.inf");
        Assert.Equal(("SCSIAdapter", "{4d36e97b-e325-11ce-bfc1-08002be10318}", "Red Hat, Inc."), (package.ClassName, package.ClassGuid, package.Provider));
        Assert.Equal(("04/14/2021", "100.85.104.19900", "viostor.cat"), (package.DriverDate, package.DriverVersion, package.CatalogFile));
        Assert.Equal(["SHA-1", "SHA-256"], package.CatalogDigests);
        Assert.Equal(["viostor.inf", "viostor.cat", "viostor.sys", "viostorco.dll"], package.Files.Select(file => file.Name));
        Assert.Equal(4, package.Models.Length);
        var model = package.Models[0];
        Assert.Equal(@"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00", model.HardwareId);
        Assert.Equal("Red Hat VirtIO viostor for 2k19", model.Description);
        Assert.Equal(new WindowsVersion(10, 0, 17763), model.MinimumVersion);
        Assert.Equal(["viostor.sys"], model.DriverFiles);
        var service = Assert.Single(model.Services);
        Assert.Equal(("viostor", true, 0u, 1u, "SCSI miniport", @"system32\drivers\viostor.sys"), (service.Name, service.IsFunctionDriver, service.Start, service.Type, service.Group, service.Binary));
        Assert.Contains(new DriverRegistryValue(@"Parameters\PnpInterface", "5", RegistryData.OfNumber(1)), service.Values);
        Assert.Contains(new DriverRegistryValue("Parameters", "IoTimeoutValue", RegistryData.OfNumber(0x5a)), service.Values);
    }

    [Theory]
    [InlineData("", "x86", null, null)]
    [InlineData("NT", "x86", null, null)]
    [InlineData("NTx86", "x86", null, null)]
    [InlineData("NTamd64", "amd64", null, null)]
    [InlineData("NTamd64.6.1", "amd64", "6.1.0", null)]
    [InlineData("NTamd64.6.0.1", "amd64", "6.0.0", 1)]
    [InlineData("NTARM64.10.0...22000", "arm64", "10.0.22000", null)]
    [InlineData("NTamd64.10.0.3..17763", "amd64", "10.0.17763", 3)]
    [InlineData("NTx86.5.1...0x100", "x86", "5.1.256", null)]
    public void Decorations_say_what_a_section_is_for(string text, string architecture, string? version, int? product)
    {
        var decoration = InfDecoration.Parse(text);
        Assert.NotNull(decoration);
        Assert.Equal((architecture, version, product), (decoration.Architecture, decoration.Minimum?.ToString(), decoration.ProductType));
    }

    [Fact]
    public void The_section_for_the_platform_wins_and_strings_are_replaced()
    {
        const string inf = """
            [version]
            class=Net
            Provider=%who%
            [MANUFACTURER]
            %who%=M,NTamd64,NTarm64.10.0
            [M.NTamd64]
            "A ""quoted"", name" = Inst, *id1 ; comment
            [M.NTarm64.10.0]
            %missing% = Inst,*id2
            [Inst.NTamd64]
            CopyFiles=@right.sys, More
            [Inst]
            CopyFiles=@wrong.sys
            [Inst.NT.Services]
            AddService=,2
            AddService = s, 2, S
            [S]
            ServiceBinary=%13%\right.sys
            [More]
            other.sys,,,0x4000
            [DestinationDirs]
            DefaultDestDir=10,system32\drivers
            More = 11
            [Strings]
            who="100%% sure; yes"
            """;
        var package = new InfPackageReader(InfFile.Parse(Encoding.UTF8.GetBytes(inf))).Read("d", "x.inf");
        Assert.Equal("100% sure; yes", package.Provider);
        Assert.Equal(["A \"quoted\", name", "%missing%"], package.Models.Select(model => model.Description));
        Assert.Equal(["right.sys"], package.Models[0].DriverFiles);
        Assert.Equal("s", Assert.Single(package.Models[0].Services).Name);
        Assert.Equal("Inst.NTamd64", package.Models[0].EffectiveSection);
    }

    [Fact]
    public void An_iso_image_holds_what_its_directory_holds()
    {
        using var scratch = new ScratchDirectory();
        PhonyVirtioWin.Create(scratch["tree"], ["w10", "2k8R2"]);
        var expected = Packages(Files(scratch["tree"]));
        foreach (var options in (string[])["-J -R", "-R", "-J", "-iso-level 4"])
        {
            Tool.MustRun("sh", "-c", $"genisoimage -quiet {options} -o '{scratch["drivers.iso"]}' '{scratch["tree"]}' 2>/dev/null");
            using var iso = Blocks.FileDevice.OpenRead(scratch["drivers.iso"]);
            Assert.Equal(expected, Packages(DriverLibraryReader.FilesOf(iso)));
        }

        string[] Packages(IReadOnlyList<SuppliedFile> files) => [.. DriverLibraryReader.Read(files, "amd64", TestContext.Current.CancellationToken).Select(ModelJson.Serialize)];
    }

    [Fact]
    public void Hostile_files_give_findings_and_nothing_else()
    {
        using var scratch = new ScratchDirectory();
        PhonyVirtioWin.Create(scratch["tree"], ["w7"]);
        var inf = File.ReadAllBytes(Directory.GetFiles(scratch["tree"], "netkvm.inf", SearchOption.AllDirectories)[0]);
        Tool.MustRun("sh", "-c", $"genisoimage -quiet -J -R -o '{scratch["drivers.iso"]}' '{scratch["tree"]}' 2>/dev/null");
        var iso = File.ReadAllBytes(scratch["drivers.iso"]);
        for (var seed = 0; seed < Fuzzing.Rounds(300); seed++)
        {
            var random = new Random(seed);
            byte[] changed = [.. inf];
            for (var i = 0; i < 20; i++)
            {
                changed[random.Next(changed.Length)] = (byte)"[]%\"\\;,=\n\0"[random.Next(10)];
            }

            new InfPackageReader(InfFile.Parse(changed)).Read("", "x.inf");
            byte[] image = [.. iso.AsSpan(0, random.Next(4) == 0 ? random.Next(iso.Length) : iso.Length)];
            for (var i = 0; i < 30 && image.Length > 0; i++)
            {
                image[random.Next(image.Length < 0x10000 ? image.Length : 0x10000)] = (byte)random.Next(256);
            }

            try
            {
                foreach (var file in DriverLibraryReader.FilesOf(new Blocks.MemoryDevice(image)).Take(50))
                {
                    file.Read();
                }
            }
            catch (DiagnosticException e)
            {
                Assert.StartsWith("ISO", e.Diagnostic.Id, StringComparison.Ordinal);
            }
        }

        Assert.Equal("ISO001", Assert.Throws<DiagnosticException>(() => DriverLibraryReader.FilesOf(new Blocks.MemoryDevice(new byte[100_000]))).Diagnostic.Id);
        Assert.Equal("DRV002", Assert.Throws<DiagnosticException>(() => DriverLibraryReader.Read([], "amd64", TestContext.Current.CancellationToken)).Diagnostic.Id);
    }

    private static List<SuppliedFile> Files(string directory)
        => [.. Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Select(path => new SuppliedFile(Path.GetRelativePath(directory, path), new FileInfo(path).Length, () => File.ReadAllBytes(path)))];
}
