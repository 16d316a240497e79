using Rehost.Model;
using Rehost.Planning.Windows;
using static Rehost.Planning.Tests.Windows.WindowsFactsSample;

namespace Rehost.Planning.Tests.Windows;

/// <summary>Steps for Windows, from facts alone.</summary>
public sealed class WindowsStepTests
{
    private static readonly string[] AllDirectories = ["xp", "2k3", "2k8", "w7", "2k8R2", "w8", "2k12", "w8.1", "2k12R2", "w10", "2k16", "2k19", "2k22", "w11", "2k25"];

    [Fact]
    public void A_windows_guest_has_steps_of_its_own_and_each_says_what_it_does()
    {
        var plan = Plan(Guest("10.0.19045"));
        Assert.Equal(
            ["windows-state", "windows-old-drivers", "windows-storage-driver", "windows-network-driver", "windows-network-addresses", "windows-boot-store", "windows-boot-geometry", "windows-efi-loader", "windows-disks", "windows-crash-control", "windows-first-boot"],
            plan.Steps.Select(step => step.StepId));
        Assert.All(plan.Steps, step => Assert.True(step.SkippedBecause is { Length: > 10 } || !step.Changes.IsEmpty));
        Assert.Contains("windows-crash-control", plan.Changes.Select(change => change.StepId));
        Assert.Contains("virtio", Plan(Guest("10.0.19045"), Package("viostor/w10/amd64", null)).Steps.Single(step => step.StepId == "windows-state").SkippedBecause!, StringComparison.Ordinal);
        Assert.Contains(Planner.Plan(Guest("10.0.19045"), TargetCapabilities.Kvm, new ConversionOptions { GuestChanges = GuestChanges.None }).Findings, finding => finding.Id == "WPL013");
    }

    [Theory]
    [InlineData("6.1.7601", true, "2k8R2", null)]
    [InlineData("6.1.7601", false, "w7", null)]
    [InlineData("6.3.9600", true, "2k12R2", null)]
    [InlineData("10.0.19045", false, "w10", null)]
    [InlineData("10.0.22631", false, "w11", null)]
    [InlineData("10.0.17763", true, "2k19", null)]
    [InlineData("10.0.26100", true, "2k25", null)]
    [InlineData("5.2.3790", false, "2k3", "")] // Windows XP x64
    [InlineData("6.1.7601", true, "w7", "2k8R2")]
    [InlineData("10.0.17763", true, "2k16", "2k19")]
    [InlineData("10.0.19045", false, "2k19", "w10")]
    [InlineData("10.0.99999", true, "2k25", "")] // a build that nobody knows yet
    public void The_directory_is_chosen_in_the_stated_order(string version, bool isServer, string expected, string? missing)
    {
        var facts = Guest(version, isServer);
        var packages = AllDirectories.Where(name => name != missing).Select(name => Package($"viostor/{name}/amd64", null)).ToArray();
        var chosen = DriverChoice.Choose(facts.Windows!, [.. packages], WindowsBus.VirtioBlock.HardwareIds);
        Assert.Equal($"viostor/{expected}/amd64", chosen?.Package.Directory);
        Assert.Equal(missing is { Length: > 0 }, chosen?.Fallback is not null && !expected.Equals("2k3", StringComparison.Ordinal) && !version.Contains("99999", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("6.1.7601", "w8", null)] // never a newer one
    [InlineData("6.1.7601", "xp", null)] // nor one of another driver model
    [InlineData("6.1.7601", "w7", "6.2")] // nor one whose .inf says no
    [InlineData("10.0.17763", "2k22", null)]
    public void A_driver_that_does_not_fit_is_not_taken(string version, string directory, string? from)
    {
        var facts = Guest(version);
        var plan = Plan(facts, Package($"viostor/{directory}/amd64", from));
        Assert.Equal("sata", plan.Capabilities.DiskModel);
        Assert.Contains(plan.Findings, finding => finding.Id == "WPL002");
    }

    [Fact]
    public void Without_drivers_the_machine_gets_what_windows_has()
    {
        var modern = Plan(Guest("10.0.19045"));
        Assert.Equal(("sata", "e1000e", "q35"), (modern.Capabilities.DiskModel, modern.Capabilities.NetworkModel, modern.Target.Chipset));
        Assert.Equal(2, modern.Changes.OfType<RemoveRegistryValue>().Count(change => change.Key.EndsWith(@"storahci\StartOverride", StringComparison.Ordinal)));
        var seven = Plan(Guest("6.1.7601"));
        Assert.Equal(("sata", "e1000"), (seven.Capabilities.DiskModel, seven.Capabilities.NetworkModel));
        Assert.Contains(seven.Changes.OfType<SetRegistryValue>(), change => change.Subject == @"SYSTEM\ControlSet002\Services\msahci\Start" && change.After.Number == 0);
        var old = Plan(Guest("5.1.2600", architecture: "x86"));
        Assert.Equal(("ide", "rtl8139", "pc"), (old.Capabilities.DiskModel, old.Capabilities.NetworkModel, old.Target.Chipset));
        Assert.Contains(old.Changes.OfType<SetRegistryValue>(), change => change.Key == @"ControlSet001\Control\CriticalDeviceDatabase\pci#ven_8086&dev_7010" && change.After == RegistryData.OfText("intelide"));
        Assert.Contains(Plan(Guest("5.1.2600", architecture: "x86", change: windows => windows with { Files = [] })).Findings, finding => finding is { Id: "WPL001", Severity: Severity.Error });
        Assert.Contains(Plan(Guest("5.1.2600", architecture: "x86", disks: 5)).Findings, finding => finding.Id == "WPL009");
    }

    [Fact]
    public void Targets_have_their_own_controllers()
    {
        var vmware = Planner.Plan(Guest("6.1.7601"), TargetCapabilities.Vmware, new ConversionOptions { Target = "vmware", DiskFormat = "ova" });
        Assert.Equal(("lsilogicsas", "e1000"), (vmware.Capabilities.DiskModel, vmware.Capabilities.NetworkModel));
        Assert.Contains(vmware.Changes.OfType<SetRegistryValue>(), change => change.Subject == @"SYSTEM\ControlSet001\Services\LSI_SAS\Start");
        var openstack = Planner.Plan(Guest("10.0.17763", true), TargetCapabilities.Kvm, new ConversionOptions { Target = "openstack", Drivers = [Package("vioscsi/2k19/amd64", null, id: @"PCI\VEN_1AF4&DEV_1048", service: "vioscsi")] });
        Assert.Equal("scsi", openstack.Capabilities.DiskModel);
    }

    [Fact]
    public void A_driver_signed_by_SHA_2_alone_stops_an_old_system_without_the_update()
    {
        var package = Package("viostor/w7/amd64", null, digests: "SHA-256");
        Assert.Contains(Plan(Guest("6.1.7601"), package).Findings, finding => finding is { Id: "WPL004", Severity: Severity.Error });
        Assert.DoesNotContain(Plan(Guest("6.1.7601", change: windows => windows with { KnowsSha2 = true }), package).Findings, finding => finding.Id == "WPL004");
        Assert.DoesNotContain(Plan(Guest("10.0.19045"), Package("viostor/w10/amd64", null, digests: "SHA-256")).Findings, finding => finding.Id == "WPL004");
    }

    [Fact]
    public void A_package_is_staged_as_dism_would()
    {
        var plan = Plan(Guest("10.0.19045"), Package("viostor/w10/amd64", "10.0"));
        var name = "viostor.inf_amd64_aaaaaaaaaaaaaaaa";
        var set = plan.Changes.OfType<SetRegistryValue>().ToDictionary(change => change.Subject, change => change.After, StringComparer.Ordinal);
        Assert.Equal(RegistryData.OfText(name), set[@"SYSTEM\DriverDatabase\DriverInfFiles\oem2.inf\Active"]);
        Assert.Equal(RegistryData.OfBytes([1, 0xff, 0, 0]), set[@"SYSTEM\DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_1001\oem2.inf"]);
        Assert.Equal(RegistryData.OfBytes([0xe0, 0]), set[@"SYSTEM\DriverDatabase\OemInfMap"]);
        Assert.Equal("hex:00ff0900000000007be9364d25e3ce11bfc108002be1031800c0c11cc130d7010400030002000100" + "0000000000000000", set[$@"SYSTEM\DriverDatabase\DriverPackages\{name}\Version"].Text);
        var placed = plan.Changes.OfType<PlaceFile>().Select(change => change.Path).ToList();
        Assert.Contains($"/Windows/System32/DriverStore/FileRepository/{name}/viostor.sys", placed);
        Assert.Contains("/Windows/INF/oem2.inf", placed);
        Assert.Contains("/Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/oem2.cat", placed);
        Assert.Contains("/Windows/System32/drivers/viostor.sys", placed);
        Assert.Equal(ModelJson.Serialize(plan), ModelJson.Serialize(Planner.Plan(ModelJson.Deserialize<GuestFacts>(ModelJson.Serialize(Guest("10.0.19045"))), TargetCapabilities.Kvm, plan.Options)));
    }

    [Fact]
    public void Drivers_that_the_target_needs_stay()
    {
        WindowsFacts WithLeftovers(WindowsFacts windows) => windows with
        {
            Registry = [.. windows.Registry, Key(@"SYSTEM\ControlSet001\Services\xenvbd", ("Start", RegistryData.OfNumber(0))), Key(@"SYSTEM\ControlSet001\Services\vmci", ("Start", RegistryData.OfNumber(0))), Key(@"SYSTEM\ControlSet001\Services\vmbus", ("Start", RegistryData.OfNumber(0)))],
        };

        Assert.Equal([@"ControlSet001\Services\vmci", @"ControlSet001\Services\xenvbd"], Removed(TargetCapabilities.Kvm, "kvm"));
        Assert.Equal([@"ControlSet001\Services\xenvbd"], Removed(TargetCapabilities.Vmware, "vmware"));
        Assert.Equal([@"ControlSet001\Services\vmci"], Removed(TargetCapabilities.XenPv, "xen"));

        List<string> Removed(TargetCapabilities target, string name)
            => [.. Planner.Plan(Guest("10.0.19045", change: WithLeftovers), target, new ConversionOptions { Target = name }).Changes.OfType<RemoveRegistryKey>().Select(change => change.Key).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void Filters_without_driver_are_reported()
        => Assert.Contains(Plan(Guest("10.0.19045", change: windows => windows with { ClassFilters = [new ClassFilterFacts("{x}", "hdc", ["gone"], [])] })).Findings, finding => finding.Id == "WPL006");

    [Fact]
    public void Disks_come_online_and_the_first_start_cannot_loop()
    {
        var plan = Plan(Guest("6.1.7601", true, disks: 2, change: windows => windows with { NetworkAdapters = [new WindowsNetworkAdapter { InterfaceId = "{1}", UsesDhcp = false, Addresses = ["192.0.2.9/22"], Gateways = ["192.0.2.1"] }] }));
        Assert.Equal(2, plan.Changes.OfType<SetRegistryValue>().Count(change => change.Name == "SanPolicy" && change.After.Number == 1));
        var script = plan.Changes.OfType<WriteFile>().Single(change => change.Path == "/Windows/Rehost/first-boot.cmd").Content;
        Assert.True(script.IndexOf("reg delete", StringComparison.Ordinal) < script.IndexOf(":work", StringComparison.Ordinal));
        Assert.Contains("AutoReboot /t REG_DWORD /d 1", script, StringComparison.Ordinal);
        Assert.Contains("EnableStatic(@('192.0.2.9'), @('255.255.252.0'))", plan.Changes.OfType<WriteFile>().Single(change => change.Path.EndsWith(".ps1", StringComparison.Ordinal)).Content, StringComparison.Ordinal);
    }

    [Fact]
    public void Old_boot_sectors_get_the_geometry_of_a_bios()
    {
        var change = Plan(Guest("5.1.2600", architecture: "x86", change: windows => windows with { Geometry = new NtfsGeometry(63, 16, 63) })).Changes.OfType<SetNtfsGeometry>().Single();
        Assert.Equal(new NtfsGeometry(63, 255, 2048), change.After);
        Assert.Empty(Plan(Guest("6.1.7601", change: windows => windows with { Geometry = new NtfsGeometry(63, 16, 2048) })).Changes.OfType<SetNtfsGeometry>());
    }

    [Theory]
    [InlineData("3&267a616a&0&20", "4", true)] // on the root bus: the place decides
    [InlineData("3&267a616a&0&21", null, false)] // not the first function
    [InlineData("4&1f7f0a5&0&0000", null, false)] // behind a bridge
    public void A_static_address_is_moved_offline_where_windows_knows_the_adapter_again(string instance, string? slot, bool moved) // S3.15
    {
        const string old = "{11111111-2222-3333-4444-555555555555}";
        const string known = "{aaaaaaaa-2222-3333-4444-555555555555}";
        var plan = Plan(Guest("5.2.3790", true, architecture: "x86", change: windows => windows with
        {
            NetworkAdapters = [new WindowsNetworkAdapter { InterfaceId = old, UsesDhcp = false, Addresses = ["192.0.2.9/24"] }],
            Registry =
            [
                .. windows.Registry,
                .. ((string[])["ControlSet001", "ControlSet002"]).SelectMany(set => new[]
                {
                    Key($@"SYSTEM\{set}\Enum\PCI\VEN_10EC&DEV_8139&SUBSYS_11001AF4&REV_20\{instance}", ("Driver", RegistryData.OfText(@"{4D36E972-E325-11CE-BFC1-08002BE10318}\0007"))),
                    Key($@"SYSTEM\{set}\Control\Class\{{4D36E972-E325-11CE-BFC1-08002BE10318}}\0007", ("NetCfgInstanceId", RegistryData.OfText(known))),
                    Key($@"SYSTEM\{set}\Services\Tcpip\Parameters\Interfaces\{old}", ("EnableDHCP", RegistryData.OfNumber(0)), ("IPAddress", RegistryData.OfTexts("192.0.2.9"))),
                    Key($@"SYSTEM\{set}\Services\Tcpip\Parameters\Interfaces\{known}", ("EnableDHCP", RegistryData.OfNumber(1))),
                }),
            ],
        }));
        Assert.Equal(slot, plan.Target.NetworkAdapters[0].PciSlot?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var step = plan.Steps.Single(one => one.StepId == "windows-network-addresses");
        Assert.Equal(moved ? 4 : 0, step.Changes.OfType<SetRegistryValue>().Count(change => change.Key.EndsWith(known, StringComparison.Ordinal)));
        Assert.Equal(moved, step.SkippedBecause is null);
        Assert.Contains("addresses.vbs", plan.Changes.OfType<WriteFile>().Select(change => change.Path[(change.Path.LastIndexOf('/') + 1)..])); // in any case: it changes nothing where the address is right
    }

    [Fact]
    public void Windows_for_arm_gets_a_machine_of_its_kind_or_is_refused_by_name()
    {
        var arm = Guest("10.0.22631", architecture: "arm64");
        var kvm = Plan(arm, Package("viostor/w11/ARM64", "10.0", "arm64"));
        Assert.Equal(("virtio", "virt"), (kvm.Capabilities.DiskModel, kvm.Target.Chipset));
        Assert.DoesNotContain(kvm.Findings, finding => finding.Id == "WPL011");
        foreach (var (target, name) in new[] { (TargetCapabilities.Vmware, "vmware"), (TargetCapabilities.XenPv, "xen") })
        {
            Assert.Contains(Planner.Plan(arm, target, new ConversionOptions { Target = name }).Findings, finding => finding is { Id: "WPL011", Severity: Severity.Error });
        }

        Assert.Contains(Plan(Guest("6.1.7601", true, architecture: "ia64")).Findings, finding => finding is { Id: "WPL011", Severity: Severity.Error });
    }

    [Theory]
    [InlineData("10.0.22631", false, null, true)] // Windows 11 is given one
    [InlineData("10.0.19045", false, null, null)]
    [InlineData("10.0.19045", false, true, true)] // as the source had
    [InlineData("5.2.3790", true, true, null)] // nothing in it would know what that is
    public void A_tpm_is_given_where_the_source_had_one_and_to_windows_11(string version, bool isServer, bool? had, bool? gets)
    {
        var facts = Guest(version, isServer);
        facts = facts with { Machine = facts.Machine with { Firmware = Firmware.Uefi, HasTpm = had, HasSecureBoot = had } };
        var plan = Plan(facts);
        Assert.Equal((gets, had), (plan.Target.HasTpm, plan.Target.HasSecureBoot));
    }

    [Fact]
    public void The_plan_says_in_words_what_to_do_before_and_after() // S3.16
    {
        var plan = Plan(Guest("10.0.19045", change: windows => windows with
        {
            FastStartup = true,
            ActivationKind = "OEM",
            Programs = [new InstalledProgram(@"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{1}", "Citrix XenServer Tools Installer", "Citrix", "6.5")],
            NetworkAdapters = [new WindowsNetworkAdapter { InterfaceId = "{1}", Name = "Ethernet", UsesDhcp = false, Addresses = ["192.0.2.9/24"], Gateways = ["192.0.2.1"] }],
            DriveLetters = [new DriveLetterFacts("C:", "disk 00000000 at 1048576", "sda1")],
        }));
        var words = plan.ChecksByHand;
        foreach (var expected in (string[])["Before: where the guest still runs, uninstalling Citrix XenServer Tools Installer", "Before: switch fast startup off", "After: look at the activation", "After: \"Ethernet\" had 192.0.2.9/24, gateway 192.0.2.1", "After: drive C: must be sda1"])
        {
            Assert.Contains(words, text => text.StartsWith(expected, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Both_copies_of_a_boot_store_are_repaired_and_none_is_removed() // S3.9, S3.10
    {
        static BootStoreFacts Store(string path) => new()
        {
            Path = path,
            VolumeName = "sda1",
            DefaultEntry = "{1}",
            Elements =
            [
                new BootElementFacts { ObjectId = "{1}", ObjectType = 0x10200003, ElementType = 0x21000001, Name = "osdevice", Text = "elsewhere", DiskTableId = "ffffffff", PartitionId = "1048576" },
                new BootElementFacts { ObjectId = "{1}", ObjectType = 0x10200003, ElementType = 0x22000002, Name = "systemroot", Text = @"\Windows" },
                new BootElementFacts { ObjectId = "{old}", ObjectType = 0x10200003, ElementType = 0x21000001, Name = "osdevice", Text = "another disk", DiskTableId = "eeeeeeee", PartitionId = "1048576" },
                new BootElementFacts { ObjectId = "{old}", ObjectType = 0x10200003, ElementType = 0x22000002, Name = "systemroot", Text = @"\WINNT" },
            ],
        };

        var plan = Plan(Guest("10.0.19045", change: windows => windows with { BootStores = [Store("/Boot/BCD"), Store("/EFI/Microsoft/Boot/BCD")] }));
        Assert.Equal(["/Boot/BCD", "/EFI/Microsoft/Boot/BCD"], plan.Changes.OfType<RedirectBootDevice>().Select(change => change.StorePath));
        Assert.Equal(2, plan.Findings.Count(finding => finding.Id == "WPL007")); // the entry of another Windows is reported and left
        Assert.DoesNotContain(plan.Changes, change => change is DeleteFile);
    }

    [Fact]
    public void An_installer_waits_for_another_one_and_not_for_ever()
    {
        var facts = Guest("10.0.19045");
        var plan = Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { FirstBootInstallers = [new DriverFile("qemu-ga-x86_64.msi", new string('d', 64), 1)] });
        var script = plan.Changes.OfType<WriteFile>().Single(change => change.Path.EndsWith("first-boot.cmd", StringComparison.Ordinal)).Content;
        Assert.Contains("call :install \"qemu-ga-x86_64.msi\"", script, StringComparison.Ordinal);
        Assert.Contains("if %tries% geq 10 exit /b 0", script, StringComparison.Ordinal);
        Assert.True(script.IndexOf("set /a tries+=1", StringComparison.Ordinal) < script.IndexOf("goto again", StringComparison.Ordinal));
        Assert.DoesNotContain("shutdown", script, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(plan.Changes.OfType<PlaceFile>(), change => change.Path == "/Windows/Rehost/qemu-ga-x86_64.msi");
    }

    private static ConversionPlan Plan(GuestFacts facts, params DriverPackage[] drivers) => Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { Drivers = [.. drivers] });
}
