using System.Text.Json;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Registry;
using Rehost.Pipeline.Sources;
using Rehost.Testing;
using Rehost.Testing.Windows;
using static Rehost.Pipeline.Tests.Windows.WindowsConversionTests;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>Windows on the other targets: what each gives it, and that verify finds nothing left to do.</summary>
public sealed class WindowsTargetTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2003", "xen", "raw", "ide")]
    [InlineData("2019", "vmware", "ova", "lsilogicsas")]
    [InlineData("2008r2", "openstack", "raw", "scsi")]
    [Requirement("S3.1", "S3.16")]
    public void A_guest_gets_what_the_target_has(string name, string target, string format, string bus)
    {
        using var scratch = new ScratchDirectory();
        PhonyDisk.Create(PhonyWindows.All[name], scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"], ["2k8R2"]);
        if (target == "openstack")
        {
            // As an RPM installs it: directories by system, which are links.
            Directory.CreateDirectory(scratch["share/by-os/amd64"]);
            File.CreateSymbolicLink(scratch["share/by-os/amd64/2k8R2"], scratch["virtio-win/vioscsi/2k8R2/amd64"]);
        }

        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, target == "openstack" ? scratch["share"] : null, target, format), NoStop);
        Assert.Equal(bus, record.Plan.Capabilities.DiskModel);
        Assert.Equal(VirtualizationMode.Hardware, record.Plan.Target.Mode);
        var report = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.True(report.Checks.All(check => check.Outcome != CheckOutcome.Failed), string.Join('\n', report.Checks.Select(check => $"{check.Outcome} {check.Title}: {check.Detail}")));
        var configuration = Path.Combine(scratch["out"], record.ConfigurationFile);
        switch (target)
        {
            case "xen":
                Assert.Contains("hvm", File.ReadAllText(configuration), StringComparison.Ordinal);
                Assert.Contains(record.Plan.Changes.OfType<RemoveRegistryKey>(), change => change.Key == @"ControlSet001\Services\VMTools");
                break;
            case "openstack":
                var properties = JsonDocument.Parse(File.ReadAllText(configuration)).RootElement.GetProperty("images")[0].GetProperty("properties");
                Assert.Equal(("windows", "scsi", "virtio-scsi", "usbtablet"), (properties.GetProperty("os_type").GetString(), properties.GetProperty("hw_disk_bus").GetString(), properties.GetProperty("hw_scsi_model").GetString(), properties.GetProperty("hw_pointer_model").GetString()));
                Assert.Contains("--disk-format raw", File.ReadAllText(Path.Combine(scratch["out"], $"{record.Plan.Target.Name}.sh")), StringComparison.Ordinal);
                Assert.Contains("os_type=windows", File.ReadAllText(Path.Combine(scratch["out"], $"{record.Plan.Target.Name}.sh")), StringComparison.Ordinal);
                break;
            default:
                using (var hive = Open(configuration + ":SYSTEM", null))
                {
                    Assert.Equal("1", RegistryListing.Get(hive, "Select", "Current").Text);
                }

                using (var store = Open(configuration + ":BCD", "ESP"))
                {
                    Assert.Contains(RegistryListing.BootEntries(store), entry => entry.Elements.Any(element => element is { Name: "osdevice" } && element.Text.Contains("0a0b0c0d-0001-0002-0003-000000000002", StringComparison.Ordinal)));
                }

                Assert.Contains("windows9Server64Guest", System.Text.Encoding.UTF8.GetString(File.ReadAllBytes(configuration).AsSpan(0, 64 << 10)), StringComparison.Ordinal);
                break;
        }
    }

    private static OpenHive Open(string given, string? volume) => OpenHive.Open(HiveLocation.Parse(given), source => GuestFiles.Open(new SourceRequest(source), volume, Path.GetTempPath(), null, NoStop));

    [Fact]
    [Requirement("S3.9")]
    public void Windows_2000_starts_from_ide_and_its_first_start_needs_no_reg_exe()
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All["2000"];
        var disk = PhonyDisk.Create(windows, scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"], ["xp", "2k3"]);
        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, scratch["virtio-win"]), NoStop);
        Assert.Equal(("ide", "rtl8139", "pc"), (record.Plan.Capabilities.DiskModel, record.Plan.Capabilities.NetworkModel, record.Plan.Target.Chipset));
        Assert.Contains(record.Plan.Findings, finding => finding.Id == "WPL002"); // drivers for XP are not taken
        var image = Path.Combine(scratch["out"], record.Disks[0].File);
        var system = Export(PhonyDisk.NtfsFile(image, disk.SystemOffset, "WINNT/System32/config/SYSTEM", scratch), scratch);
        foreach (var set in (string[])["ControlSet001", "ControlSet002"])
        {
            Assert.Contains("\"Start\"=dword:00000000", Section(system, $@"\{set}\Services\intelide"), StringComparison.Ordinal);
            Assert.Contains("\"Start\"=dword:00000000", Section(system, $@"\{set}\Services\atapi"), StringComparison.Ordinal);
            Assert.Contains("intelide", Section(system, $@"\{set}\Control\CriticalDeviceDatabase\pci#ven_8086&dev_7010"), StringComparison.Ordinal);
            Assert.DoesNotContain($@"[\{set}\Services\vmci]", system, StringComparison.OrdinalIgnoreCase);
        }

        var script = Text("first-boot.cmd");
        Assert.DoesNotContain("reg delete", script, StringComparison.Ordinal);
        Assert.True(script.IndexOf("regedit /s \"%here%\\once.reg\"", StringComparison.Ordinal) is > 0 and var once && once < script.IndexOf("first-boot.done", StringComparison.Ordinal));
        Assert.Equal("REGEDIT4\r\n\r\n[-HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\RehostFirstBoot]\r\n\r\n", Text("once.reg"));
        Assert.Contains("addresses.vbs", script, StringComparison.Ordinal);
        var report = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.True(report.Checks.All(check => check.Outcome != CheckOutcome.Failed), string.Join('\n', report.Checks.Select(check => $"{check.Outcome} {check.Title}: {check.Detail}")));

        string Text(string name) => System.Text.Encoding.ASCII.GetString(PhonyDisk.NtfsFile(image, disk.SystemOffset, $"WINNT/Rehost/{name}", scratch));
    }

    [Theory]
    [InlineData("2012r2", "xen", "raw")]
    [InlineData("2008r2", "xenserver", "xva")]
    public void Xens_drivers_are_staged_for_the_first_start_from_emulated_disks(string name, string target, string format)
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All[name] with { Leftovers = ["vmware"] };
        var disk = PhonyDisk.Create(windows, scratch["disk.raw"]);
        PhonyXenDrivers.Create(scratch["drivers"]);
        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, scratch["drivers"], target, format), NoStop);
        Assert.Equal("ide", record.Plan.Capabilities.DiskModel);
        Assert.DoesNotContain(record.Plan.Findings, finding => finding.Id is "WPL002" or "WPL001");
        foreach (var service in (string[])["xenbus", "xenvbd", "xenvif", "xennet"])
        {
            var place = windows.HasDriverDatabase ? $"/System32/DriverStore/FileRepository/{service}.inf_amd64_" : $"/Rehost/Drivers/{service}/{service}.sys";
            Assert.Contains(record.Plan.Changes.OfType<PlaceFile>(), change => change.Path.Contains(place, StringComparison.Ordinal) && change.From.StartsWith($"{service}/x64/", StringComparison.Ordinal));
            Assert.DoesNotContain(record.Plan.Changes.OfType<SetRegistryValue>(), change => change.Key.EndsWith($@"\Services\{service}", StringComparison.OrdinalIgnoreCase)); // Plug and Play makes it, after the emulated disk has started Windows
        }

        var report = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.True(report.Checks.All(check => check.Outcome != CheckOutcome.Failed), string.Join('\n', report.Checks.Select(check => $"{check.Outcome} {check.Title}: {check.Detail}")));
        if (target == "xen")
        {
            var configuration = File.ReadAllText(Path.Combine(scratch["out"], record.ConfigurationFile));
            Assert.Contains("viridian = 1", configuration, StringComparison.Ordinal);
            Assert.Contains("localtime = 1", configuration, StringComparison.Ordinal);
            Assert.Contains("vdev=hda", configuration, StringComparison.Ordinal);
            var drivers = Listing(Path.Combine(scratch["out"], record.Disks[0].File), disk.SystemOffset, scratch);
            Assert.Contains(drivers, path => path.Contains("/FileRepository/xenvbd.inf_amd64_", StringComparison.OrdinalIgnoreCase));
        }
    }

    [Theory]
    [InlineData("vmware", "ova")]
    [InlineData("xen", "raw")]
    public void Windows_for_arm_is_refused_by_name_where_there_is_no_such_machine(string target, string format)
    {
        using var scratch = new ScratchDirectory();
        PhonyDisk.Create(PhonyWindows.All["11arm"], scratch["disk.raw"]);
        var refused = Assert.Throws<DiagnosticException>(() => new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, null, target, format), NoStop)).Diagnostic;
        Assert.Equal("WPL011", refused.Id);
        Assert.False(Directory.Exists(scratch["out"]) && Directory.EnumerateFiles(scratch["out"]).Any());
    }

    [Fact]
    [Requirement("S3.16")]
    public void What_the_source_says_of_tpm_and_secure_boot_is_kept()
    {
        using var scratch = new ScratchDirectory();
        PhonyDisk.Create(PhonyWindows.All["10"] with { Leftovers = [] }, scratch["disk.raw"]);
        Tool.MustRun("qemu-img", "convert", "-O", "vmdk", scratch["disk.raw"], scratch["win.vmdk"]);
        File.WriteAllText(scratch["win.vmx"], "displayName = \"win\"\nmemSize = \"2048\"\nfirmware = \"efi\"\nuefi.secureBoot.enabled = \"TRUE\"\nvtpm.present = \"TRUE\"\nscsi0.present = \"TRUE\"\nscsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"win.vmdk\"\nethernet0.present = \"TRUE\"\nethernet0.address = \"00:50:56:00:00:01\"\n");
        PhonyVirtioWin.Create(scratch["virtio-win"], ["w10"]);
        Tool.MustRun("genisoimage", "-quiet", "-J", "-r", "-o", scratch["virtio-win.iso"], scratch["virtio-win"]);
        var migration = new Migration(new SilentProgress());
        var kvm = migration.Convert(new SourceRequest(scratch["win.vmx"]), Target(scratch, scratch["virtio-win.iso"]), NoStop);
        var path = Path.Combine(scratch["out"], kvm.ConfigurationFile);
        var domain = File.ReadAllText(path);
        Tool.MustRun("virt-xml-validate", path, "domain");
        Assert.Contains("<feature enabled=\"yes\" name=\"secure-boot\" />", domain, StringComparison.Ordinal);
        Assert.Contains("<feature enabled=\"yes\" name=\"enrolled-keys\" />", domain, StringComparison.Ordinal);
        Assert.Contains("<tpm model=\"tpm-crb\">", domain, StringComparison.Ordinal);
        Assert.Contains("00:50:56:00:00:01", domain, StringComparison.Ordinal);

        var cloud = migration.Plan(new SourceRequest(scratch["win.vmx"]), Target(scratch, scratch["virtio-win.iso"], "openstack", "qcow2"), NoStop);
        Assert.Equal((true, true), (cloud.Plan.Target.HasTpm, cloud.Plan.Target.HasSecureBoot));
    }
}
