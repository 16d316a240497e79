using Rehost.Model;
using Rehost.Testing;
using Rehost.Testing.Windows;
using Rehost.WindowsRegistry;
using static Rehost.Pipeline.Tests.Windows.WindowsConversionTests;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>A guest whose SYSTEM is a real one: Windows 7 as it ran on VMware, with all its services, devices and classes (Fixtures/README.md).</summary>
public sealed class RealHiveTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    [Requirement("S3.11", "S3.12", "S3.13", "S3.15")]
    public void A_real_registry_is_inspected_and_converted()
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All["7"] with { Leftovers = [], SystemHive = Make(scratch) };
        var disk = PhonyDisk.Create(windows, scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"], ["w7"]);
        var migration = new Migration(new SilentProgress());
        var facts = migration.Inspect(Request(scratch), NoStop).Windows!;
        Assert.Equal("x86", facts.Architecture);
        Assert.Equal(["current", "default"], Assert.Single(facts.ControlSets).Roles);
        Assert.Contains(facts.NetworkAdapters, adapter => adapter.Addresses.Contains("192.168.1.123/24"));
        Assert.Contains(facts.Services, service => service is { Name: "vmdebug", Start: 1 });
        Assert.Contains(facts.ClassFilters, filter => filter.Upper.Contains("partmgr", StringComparer.OrdinalIgnoreCase));
        Assert.NotEmpty(facts.DriveLetters);

        var record = migration.Convert(Request(scratch), Target(scratch, scratch["virtio-win"]), NoStop);
        Assert.DoesNotContain(record.Plan.Findings, finding => finding.Severity == Severity.Error);
        var report = migration.Verify(scratch["out"], null, [], NoStop);
        Assert.True(report.Checks.All(check => check.Outcome != CheckOutcome.Failed), string.Join('\n', report.Checks.Select(check => $"{check.Outcome} {check.Title}: {check.Detail}")));

        var after = PhonyDisk.NtfsFile(Path.Combine(scratch["out"], record.Disks[0].File), disk.SystemOffset, "Windows/System32/config/SYSTEM", scratch);
        var system = Export(after, scratch);
        foreach (var gone in (string[])["vmci", "vm3dmp", "vmdebug", "VMMEMCTL", "vmmouse", "vmrawdsk", "VMTools", "VMUpgradeHelper"])
        {
            Assert.DoesNotContain($@"[\ControlSet001\Services\{gone}", system, StringComparison.OrdinalIgnoreCase);
        }

        // What is Windows' own stays, and what names it: Hyper-V's among it, and the mouse that VMware's filter sat on.
        foreach (var left in (string[])["vmbus", "VMBusHID", "LSI_SAS", "msahci", "disk", "partmgr", "i8042prt", "mouclass"])
        {
            Assert.Contains($@"[\ControlSet001\Services\{left}]", system, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain(@"\Enum\PCI\VEN_15AD", system, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(@"\Enum\PCI\VEN_8086&DEV_7190", system, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("\"Start\"=dword:00000000", Section(system, @"\ControlSet001\Services\viostor"), StringComparison.Ordinal);
        Assert.Contains("viostor", Section(system, @"\ControlSet001\Control\CriticalDeviceDatabase\pci#ven_1af4&dev_1001"), StringComparison.Ordinal);

        // C: named the disk that this Windows was on; it is the phony one's now.
        Assert.Contains("\"\\\\DosDevices\\\\C:\"=hex(3):3e,be,a0,5c,00,00,10,00,00,00,00,00", system, StringComparison.Ordinal);

        // Nothing else of a hundred thousand values is other than it was.
        var differences = HiveDifference.Find(Hive.Open(windows.SystemHive, new HiveOpenOptions()).Root, Hive.Open(after, new HiveOpenOptions()).Root).Select(one => one.Path).Distinct().ToList();
        var planned = record.Plan.Changes.OfType<RegistryChange>().Select(change => change.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.All(differences, path => Assert.True(planned.Contains(path) || planned.Any(key => key.StartsWith(path + "\\", StringComparison.OrdinalIgnoreCase)), path));
    }

    private static byte[] Make(ScratchDirectory scratch)
    {
        Tool.MustRun("sh", "-c", $"xz -dc '{Path.Combine(AppContext.BaseDirectory, "Fixtures", "windows7-system.reg.xz")}' > '{scratch["system.reg"]}'");
        var hive = Hive.Create("SYSTEM", [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0], DateTimeOffset.UnixEpoch);
        RegFileReader.Apply(hive, RegFileReader.Read(File.ReadAllBytes(scratch["system.reg"])), @"HKEY_LOCAL_MACHINE\SYSTEM");
        return hive.ToArray();
    }
}
