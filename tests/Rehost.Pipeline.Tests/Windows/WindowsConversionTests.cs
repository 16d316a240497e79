using System.Text;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Testing;
using Rehost.Testing.Windows;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>Phony Windows guests of every age are inspected, converted, verified; hivexregedit, hivexml, ntfscat and mtools read the result.</summary>
public sealed class WindowsConversionTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    // virtio-win has nothing for Windows 2000: it is among the tests of targets.
    public static TheoryData<string> Guests => [.. PhonyWindows.All.Keys.Where(name => name != "2000")];

    [Theory]
    [MemberData(nameof(Guests))]
    [Requirement("S3.4", "S3.8", "S3.11", "S3.12", "S3.13", "S3.14", "S3.15", "S3.16")]
    public void A_guest_is_inspected_converted_and_verified(string name)
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All[name];
        var disk = PhonyDisk.Create(windows, scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"]);
        var migration = new Migration(new SilentProgress());
        var facts = migration.Inspect(new SourceRequest(scratch["disk.raw"]), NoStop);
        CheckFacts(windows, facts);

        var record = migration.Convert(Request(scratch), Target(scratch, scratch["virtio-win"]), NoStop);
        Assert.DoesNotContain(record.Plan.Findings, finding => finding.Severity == Severity.Error);
        Assert.Equal("virtio", record.Plan.Capabilities.DiskModel);
        var report = migration.Verify(scratch["out"], null, [], NoStop);
        Assert.True(report.Checks.All(check => check.Outcome != CheckOutcome.Failed), string.Join('\n', report.Checks.Select(check => $"{check.Outcome} {check.Title}: {check.Detail}")));

        var image = Path.Combine(scratch["out"], record.Disks[0].File);
        CheckRegistry(windows, disk, image, scratch);
        CheckFiles(windows, disk, image, scratch);
        CheckDomain(windows, Path.Combine(scratch["out"], record.ConfigurationFile));
    }

    private static void CheckFacts(PhonyWindows windows, GuestFacts facts)
    {
        var found = Assert.IsType<WindowsFacts>(facts.Windows);
        Assert.Equal((windows.Product, windows.Architecture, windows.IsServer), (found.ProductName, found.Architecture, found.IsServer));
        Assert.Equal($"{windows.Version}.{windows.Build}", found.Version.ToString());
        Assert.Equal(windows.IsUefi ? PartitionScheme.Gpt : PartitionScheme.Mbr, Assert.Single(facts.Disks).Scheme);
        Assert.Equal([1, 2], found.ControlSets.Select(set => set.Number));
        Assert.Equal(["192.0.2.10/24"], Assert.Single(found.NetworkAdapters).Addresses);
        Assert.Equal("PHONY", facts.OperatingSystem.HostName);
        Assert.Equal(found.SystemVolume, found.DriveLetters.Single(letter => letter.Letter == "C:").VolumeName);
        var store = Assert.Single(found.BootStores);
        Assert.Equal(30, store.TimeoutSeconds);
        Assert.Equal(windows.Version[0] != '5', store.Elements.Any(element => element is { Name: "recoverysequence", Text: "{aaaaaaaa-0000-0000-0000-000000000002}" }));
        Assert.Equal(windows.HasStaleBootStore, store.Elements.Any(element => element is { DiskTableId: not null, VolumeName: null }));
        Assert.Equal(windows.LeftoverPackages, found.DriverPackages.Length);
        Assert.All(found.DriverPackages, package => Assert.NotEmpty(package.Services));
        if (windows.Version[0] != '5')
        {
            Assert.All(found.DriverPackages, package => Assert.NotNull(package.StorePath));
        }
    }

    private static void CheckRegistry(PhonyWindows windows, PhonyDisk disk, string image, ScratchDirectory scratch)
    {
        var system = Export(PhonyDisk.NtfsFile(image, disk.SystemOffset, $"{windows.Folder}/System32/config/SYSTEM", scratch), scratch);
        foreach (var set in (string[])["ControlSet001", "ControlSet002"])
        {
            var viostor = Section(system, $@"\{set}\Services\viostor");
            Assert.Contains("\"Start\"=dword:00000000", viostor, StringComparison.Ordinal);
            Assert.Contains("\"Group\"=str(1):\"SCSI miniport\"", viostor, StringComparison.Ordinal);
            Assert.Contains("\"5\"=dword:00000001", Section(system, $@"\{set}\Services\viostor\Parameters\PnpInterface"), StringComparison.Ordinal);
            Assert.Contains("\"AutoReboot\"=dword:00000000", Section(system, $@"\{set}\Control\CrashControl"), StringComparison.Ordinal);
            Assert.Contains("first-boot.cmd", Section(system, $@"\{set}\Services\RehostFirstBoot"), StringComparison.Ordinal);
            Assert.Equal(!windows.HasDriverDatabase, system.Contains($@"[\{set}\Control\CriticalDeviceDatabase\pci#ven_1af4&dev_1001]", StringComparison.OrdinalIgnoreCase));
            Assert.DoesNotContain("XENFILT", system, StringComparison.OrdinalIgnoreCase);
            foreach (var gone in windows.LeftoverServices.Concat(["XEN", "VMTools"]))
            {
                Assert.DoesNotContain($@"[\{set}\Services\{gone}]", system, StringComparison.OrdinalIgnoreCase);
                Assert.DoesNotContain($@"[\{set}\Services\{gone}\", system, StringComparison.OrdinalIgnoreCase);
            }

            CheckSharedDevices(windows, system, set);
            Assert.DoesNotContain($@"[\{set}\Enum\XEN", system, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("VEN_5853", system, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("partmgr", Section(system, $@"\{set}\Control\Class\{{4D36E967-E325-11CE-BFC1-08002BE10318}}"), StringComparison.Ordinal);
            Assert.NotEqual("", Section(system, $@"\{set}\Services\disk"));
        }

        if (windows.Leftovers.Contains("xen"))
        {
            // The list keeps the filter that is somebody else's, and goes where nothing is left.
            Assert.Contains("\"UpperFilters\"=hex(7):6f,00,74,00,68,00,65,00,72,00,00,00,00,00", Text(system, @"\ControlSet001\Control\Class\{4D36E96A-E325-11CE-BFC1-08002BE10318}"), StringComparison.Ordinal);
            Assert.DoesNotContain("UpperFilters", Section(system, @"\ControlSet001\Control\Class\{4D36E97D-E325-11CE-BFC1-08002BE10318}"), StringComparison.Ordinal);
        }

        if (windows.HasDriverDatabase)
        {
            var database = system[system.IndexOf(@"[\DriverDatabase]", StringComparison.Ordinal)..];
            Assert.DoesNotContain("Citrix", database, StringComparison.Ordinal);
            Assert.DoesNotContain("VMware", database, StringComparison.Ordinal);
            Assert.Contains($"viostor.inf_{windows.Architecture}_", database, StringComparison.Ordinal);
            Assert.Contains(@"[\DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_1042]", database, StringComparison.OrdinalIgnoreCase);
        }

        var software = Export(PhonyDisk.NtfsFile(image, disk.SystemOffset, $"{windows.Folder}/System32/config/SOFTWARE", scratch), scratch);
        Assert.DoesNotContain("Citrix", software, StringComparison.Ordinal);
        Assert.DoesNotContain("VMware", software, StringComparison.Ordinal);
        Assert.Contains("An application", software, StringComparison.Ordinal);
        Assert.Contains("other.exe", software, StringComparison.Ordinal);
    }

    /// <summary>What a hypervisor's drivers shared with Windows' own goes without them.</summary>
    private static void CheckSharedDevices(PhonyWindows windows, string system, string set)
    {
        if (windows.Leftovers.Contains("virtualbox"))
        {
            Assert.NotEqual("", Section(system, $@"\{set}\Services\i8042prt")); // the mouse's driver, which a package of VirtualBox names
            Assert.DoesNotContain("UpperFilters", Section(system, $@"\{set}\Enum\ACPI\PNP0F03\4&1"), StringComparison.Ordinal);
            Assert.Contains("\"ProviderOrder\"=str(1):\"RDPNP,LanmanWorkstation\"", Section(system, $@"\{set}\Control\NetworkProvider\Order"), StringComparison.Ordinal);
        }

        Assert.DoesNotContain("prl_strg", Section(system, $@"\{set}\Control\Class\{{4D36E967-E325-11CE-BFC1-08002BE10318}}"), StringComparison.Ordinal);
        Assert.DoesNotContain("rhelfltr", Section(system, $@"\{set}\Control\Class\{{4D36E96A-E325-11CE-BFC1-08002BE10318}}"), StringComparison.Ordinal);
    }

    private static void CheckFiles(PhonyWindows windows, PhonyDisk disk, string image, ScratchDirectory scratch)
    {
        var listing = Listing(image, disk.SystemOffset, scratch);
        var directory = windows.Folder;
        Assert.Contains($"/{directory}/System32/drivers/viostor.sys", listing, StringComparer.OrdinalIgnoreCase);
        Assert.DoesNotContain(listing, path => path.Contains("/drivers/xen", StringComparison.OrdinalIgnoreCase) || path.EndsWith("/pvscsi.sys", StringComparison.OrdinalIgnoreCase) || path.Contains("/FileRepository/xen", StringComparison.OrdinalIgnoreCase));
        Assert.Contains($"/{directory}/Rehost/first-boot.cmd", listing, StringComparer.OrdinalIgnoreCase);
        if (windows.HasDriverDatabase)
        {
            Assert.Contains(listing, path => path.Contains($"/FileRepository/viostor.inf_{windows.Architecture}_", StringComparison.OrdinalIgnoreCase) && path.EndsWith("/viostor.sys", StringComparison.Ordinal));
            Assert.Contains(listing, path => path.Contains($"/FileRepository/netkvm.inf_{windows.Architecture}_", StringComparison.OrdinalIgnoreCase));
        }
        else
        {
            Assert.Contains($"/{directory}/Rehost/Drivers/netkvm/netkvm.inf", listing, StringComparer.OrdinalIgnoreCase);
        }

        Assert.Contains("viostor.sys", Tool.MustRun("ntfsls", "-p", $"/{directory}/System32/drivers", scratch["mounted.img"]), StringComparison.OrdinalIgnoreCase);

        var script = Encoding.ASCII.GetString(PhonyDisk.NtfsFile(image, disk.SystemOffset, $"{directory}/Rehost/first-boot.cmd", scratch));
        var lines = script.Split("\r\n");
        Assert.StartsWith("reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\RehostFirstBoot", lines.First(line => line.Length > 0 && !line.StartsWith("rem", StringComparison.Ordinal) && !line.StartsWith('@') && !line.StartsWith("set", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain("shutdown", script, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(windows.Version[0] == '5' || windows.Version == "6.0" ? "addresses.vbs" : "addresses.ps1", script, StringComparison.Ordinal);
    }

    private static void CheckDomain(PhonyWindows windows, string path)
    {
        var text = File.ReadAllText(path);
        Tool.MustRun("virt-xml-validate", path, "domain");
        Assert.Contains("bus=\"virtio\"", text, StringComparison.Ordinal);
        Assert.Contains("<clock offset=\"localtime\"", text, StringComparison.Ordinal);
        Assert.Contains("<input type=\"tablet\" bus=\"usb\" />", text, StringComparison.Ordinal);
        var isArm = windows.Architecture == "arm64";
        Assert.Equal(windows.Version[0] != '5' && !isArm, text.Contains("<hyperv", StringComparison.Ordinal));
        Assert.Contains(isArm ? "arch=\"aarch64\" machine=\"virt\"" : windows.Version[0] == '5' ? "arch=\"x86_64\" machine=\"pc\"" : "arch=\"x86_64\" machine=\"q35\"", text, StringComparison.Ordinal);
        Assert.Equal(windows.IsUefi, text.Contains("firmware=\"efi\"", StringComparison.Ordinal));
        Assert.Equal(windows.IsUefi && !isArm, text.Contains("<feature enabled=\"no\" name=\"secure-boot\" />", StringComparison.Ordinal));
    }

    internal static SourceRequest Request(ScratchDirectory scratch) => new(scratch["disk.raw"]) { MacAddresses = ["52:54:00:12:34:56"] };

    internal static TargetRequest Target(ScratchDirectory scratch, string? drivers, string kind = "kvm", string format = "raw") => new(kind)
    {
        OutputDirectory = scratch["out"],
        Drivers = drivers,
        Options = new ConversionOptions { Target = kind, DiskFormat = format },
    };

    internal static string Export(byte[] hive, ScratchDirectory scratch)
    {
        File.WriteAllBytes(scratch["export.hive"], hive);
        Tool.MustRun("hivexml", scratch["export.hive"]);
        Tool.MustRun("reged", "-x", scratch["export.hive"], "X", "\\", scratch["export.reg"]);
        return Tool.MustRun("env", "PERL_UNICODE=S", "hivexregedit", "--export", "--unsafe-printable-strings", scratch["export.hive"], "\\");
    }

    /// <summary>What hivexregedit lists of a key; empty when it is not there. Lists of strings are shown as text.</summary>
    internal static string Section(string export, string key)
    {
        var lines = Text(export, key).Split('\n');
        return string.Join('\n', lines.Select(line => line.Contains("=hex(7):", StringComparison.Ordinal) || line.Contains("=hex(2):", StringComparison.Ordinal)
            ? line + " " + Encoding.Unicode.GetString(Convert.FromHexString(line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Replace(",", "", StringComparison.Ordinal))).Replace('\0', '|') : line));
    }

    internal static List<string> Listing(string image, long offset, ScratchDirectory scratch)
    {
        var (volume, mount) = (scratch["mounted.img"], scratch["mounted"]);
        Tool.MustRun("sh", "-c", $"dd if='{image}' of='{volume}' bs=1M skip={offset >> 20} count={PhonyDisk.SystemMebibytes} status=none");
        Tool.MustRun("ntfsfix", "-n", volume);
        Directory.CreateDirectory(mount);
        using (new Mounted(volume, mount, "-t", "ntfs-3g", "-o", "ro"))
        {
            return [.. Directory.EnumerateFiles(mount, "*", SearchOption.AllDirectories).Select(path => path[mount.Length..])];
        }
    }

    private static string Text(string export, string key)
    {
        var start = export.IndexOf($"[{key}]\n", StringComparison.OrdinalIgnoreCase);
        return start < 0 ? "" : export[start..(export.IndexOf("\n\n", start, StringComparison.Ordinal) is var end and >= 0 ? end : export.Length)];
    }
}
