using Rehost.Model;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>How a guest starts on Xen, by what its kernel can do, what pygrub reads and what the release takes (S0.29 to S0.34, S2.24).</summary>
public sealed class XenBootTests
{
    private static readonly ConversionOptions s_xen = new() { Target = "xen", DiskFormat = "raw" };
    private static readonly ConversionOptions s_server = new() { Target = "xenserver", DiskFormat = "xva" };

    [Fact]
    public void Pygrub_is_the_usual_form()
    {
        var plan = Plan(Guest(), TargetCapabilities.XenPv, s_xen);
        Assert.Equal((VirtualizationMode.Paravirtual, "pygrub"), (plan.Target.Mode, plan.Target.ParavirtualBoot?.Bootloader));
        Assert.Null(plan.HandedOut);
        Assert.DoesNotContain(plan.Findings, finding => finding.Id.StartsWith("XPN", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("xfs", 0)]
    [InlineData("btrfs", 0)]
    [InlineData("ext4", 5)] // a logical partition
    [Rehost.Testing.Requirement("S2.24", "S0.46")]
    public void What_pygrub_does_not_read_dom0_hands_out(string type, int partition) // S2.24
    {
        var facts = Guest();
        facts = facts with
        {
            Disks = [facts.Disks[0] with { Scheme = partition > 0 ? PartitionScheme.Mbr : PartitionScheme.None }, facts.Disks[1]],
            Volumes = [facts.Volumes[0] with { Type = type, PartitionNumber = partition }, facts.Volumes[1]],
        };
        var plan = Plan(facts, TargetCapabilities.XenPv, s_xen);
        Assert.Equal(new ParavirtualBoot(null, "web01-vmlinuz", "web01-initrd.img", $"root=UUID={RootUuid} ro console=hvc0"), plan.Target.ParavirtualBoot);
        Assert.Equal([new HandedOutFile("/boot/vmlinuz-6.1.0", "web01-vmlinuz"), new HandedOutFile("/boot/initrd.img-6.1.0", "web01-initrd.img")], plan.HandedOut);
        Assert.Contains(plan.Findings, finding => finding.Id == "XPN001");
        Assert.Contains(plan.ChecksByHand, check => check.Contains("/boot/vmlinuz-6.1.0 and /boot/initrd.img-6.1.0", StringComparison.Ordinal));
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);

        // XenServer's dom0 keeps nothing: there the guest gets firmware.
        var server = Plan(facts, TargetCapabilities.XenServerPv, s_server);
        Assert.Equal(VirtualizationMode.Hardware, server.Target.Mode);
        Assert.Contains(server.Findings, finding => finding.Id == "XPN002");
    }

    [Theory]
    [InlineData("menuentry 'a' {\n  linuxefi /vmlinuz\n  initrdefi /initrd\n}\n", true)]
    [InlineData("menuentry 'a' {\n  linux ${base}/vmlinuz\n  initrd /initrd\n}\n", true)]
    [InlineData("menuentry 'a' {\n  linux /vmlinuz root=x\n  initrd /intel-ucode.img /initrd\n}\n", true)]
    [InlineData("menuentry 'a' {\n  linux /vmlinuz root=x $extra\n  initrd /initrd\n}\n", false)]
    public void Pygrub_reads_a_part_of_the_language_of_menus(string menu, bool isForeign)
    {
        var facts = Guest() with { Files = Files(Text("/boot/grub/grub.cfg", menu)) };
        Assert.Equal(isForeign, Plan(facts, TargetCapabilities.XenPv, s_xen).Target.ParavirtualBoot?.Bootloader is null);
    }

    [Theory]
    [InlineData("x86_64", true, VirtualizationMode.Paravirtual)]
    [InlineData(null, true, VirtualizationMode.Pvh)]
    [InlineData(null, false, VirtualizationMode.Hardware)]
    public void The_kernel_decides(string? abi, bool isPvh, VirtualizationMode mode)
    {
        var facts = Guest();
        facts = facts with { Kernels = [facts.Kernels[0] with { ParavirtualAbi = abi, SupportsPvh = isPvh }] };
        var plan = Plan(facts, TargetCapabilities.XenPv, s_xen);
        Assert.Equal(mode, plan.Target.Mode);
        Assert.Equal(mode != VirtualizationMode.Paravirtual, plan.Findings.Any(finding => finding.Id == "XPN002"));
        Assert.Equal(mode == VirtualizationMode.Hardware ? "ttyS0" : "hvc0", plan.Capabilities.SerialConsole);
        Assert.Equal(mode == VirtualizationMode.Hardware, plan.Changes.Any(change => change is InstallBootloader));
    }

    [Theory]
    [InlineData("pvh", "6.1.0", false)]
    [InlineData("hvm", "2.6.18-xen", true)]
    public void A_form_that_the_guest_cannot_is_refused(string form, string version, bool requiresXen)
    {
        var facts = Guest();
        facts = facts with { Kernels = [facts.Kernels[0] with { Version = version, RequiresXen = requiresXen }] };
        Assert.Contains(Plan(facts, TargetCapabilities.XenPv, s_xen with { XenBoot = form }).Findings, finding => finding.Id == "XPN003");
    }

    [Theory]
    [InlineData("x86_64", "/usr/lib/grub-xen/grub-x86_64-xen.bin")]
    [InlineData("x86_32p", "/usr/lib/grub-xen/grub-i386-xen.bin")]
    public void Grub_for_Xen_reads_what_pygrub_does_not(string abi, string grub)
    {
        var facts = Guest();
        facts = facts with { Kernels = [facts.Kernels[0] with { ParavirtualAbi = abi }], Volumes = [facts.Volumes[0] with { Type = "xfs" }, facts.Volumes[1]] };
        var plan = Plan(facts, TargetCapabilities.XenPv, s_xen with { XenBoot = "pvgrub" });
        Assert.Equal((VirtualizationMode.Paravirtual, new ParavirtualBoot("pvgrub", grub, null, "")), (plan.Target.Mode, plan.Target.ParavirtualBoot));
        Assert.Null(plan.HandedOut);
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error || finding.Id == "PLN013");
        Assert.Contains(plan.ChecksByHand, check => check.Contains(grub, StringComparison.Ordinal) && check.Contains("grub-xen-host", StringComparison.Ordinal));
        Assert.DoesNotContain(plan.Changes, change => change is InstallBootloader);

        // It reads one menu and one language, and XenServer's dom0 keeps nothing of ours.
        var other = facts with { BootConfigurations = [facts.BootConfigurations[0] with { Path = "/boot/grub2/grub.cfg" }] };
        Assert.Contains(Plan(other, TargetCapabilities.XenPv, s_xen with { XenBoot = "pvgrub" }).Findings, finding => finding.Id == "XPN003");
        Assert.Contains(Plan(facts, TargetCapabilities.XenServerPv, s_server with { XenBoot = "pvgrub" }).Findings, finding => finding.Id == "XPN003");
    }

    [Fact]
    public void What_the_host_does_at_an_end_is_the_sources_or_chosen()
    {
        var facts = Guest();
        facts = facts with { Machine = facts.Machine with { EventActions = new EventActions("preserve", null, "coredump-destroy") } };
        Assert.Equal(new EventActions("preserve", null, "coredump-destroy"), Plan(facts, TargetCapabilities.XenPv, s_xen).Target.EventActions);
        Assert.Equal(new EventActions("preserve", "destroy", "restart"), Plan(facts, TargetCapabilities.XenPv, s_xen with { EventActions = new EventActions(null, "destroy", "restart") }).Target.EventActions);
        Assert.Null(Plan(Guest(), TargetCapabilities.XenPv, s_xen).Target.EventActions);
        Assert.Null(Plan(facts, TargetCapabilities.Kvm, new ConversionOptions()).Target.EventActions);
    }

    [Theory]
    [InlineData("5.5", VirtualizationMode.Paravirtual)]
    [InlineData("7.6", VirtualizationMode.Paravirtual)]
    [InlineData("8", VirtualizationMode.Hardware)]
    [InlineData("xcp-8.2", VirtualizationMode.Paravirtual)]
    [InlineData("xcp-8.3", VirtualizationMode.Hardware)]
    [InlineData(null, VirtualizationMode.Paravirtual)]
    public void The_release_decides(string? release, VirtualizationMode mode)
    {
        var plan = Plan(Guest(), TargetCapabilities.XenServerPv, s_server with { XenServerVersion = release });
        Assert.Equal(mode, plan.Target.Mode);
        Assert.Equal(Hypervisor.XenServer, plan.Target.Hypervisor);
        Assert.True(plan.Target.Disks[0].IsBootable); // S0.34
        Assert.Equal(mode == VirtualizationMode.Paravirtual ? "console=hvc0" : null, plan.Target.ParavirtualBoot?.CommandLine); // S0.32
        Assert.Contains(Plan(Guest(), TargetCapabilities.XenServerPv, s_server with { XenServerVersion = "8", XenBoot = "pygrub" }).Findings, finding => finding.Id == "XPN003");
    }

    [Theory]
    [InlineData("5.5", true)]
    [InlineData("6.x", true)]
    [InlineData("xcp-8.x", true)]
    [InlineData("XCP-ng-8.3", true)]
    [InlineData("5.0", false)]
    [InlineData("7.2.1.3", false)]
    [InlineData("eight", false)]
    public void Releases_have_names(string name, bool isRelease) => Assert.Equal(isRelease, XenServerRelease.Parse(name) is not null);

    [Fact]
    public void Releases_differ()
    {
        var old = XenServerRelease.Parse("7.6");
        var last = XenServerRelease.Parse("8");
        Assert.Equal((true, true, false, false), (old?.TakesParavirtual, old?.TakesParavirtual32, old?.KnowsXxHash, old?.TakesUefi));
        Assert.Equal((false, false, true, true), (last?.TakesParavirtual, last?.TakesParavirtual32, last?.KnowsXxHash, last?.TakesUefi));
        Assert.Equal((true, false), (XenServerRelease.Parse("8.0")?.TakesParavirtual, XenServerRelease.Parse("8.0")?.TakesParavirtual32));
    }

    [Fact]
    public void An_old_release_starts_nothing_from_uefi()
    {
        var facts = Guest();
        facts = facts with { Machine = facts.Machine with { Mode = VirtualizationMode.Hardware, Firmware = Firmware.Uefi } };
        Assert.Contains(Plan(facts, TargetCapabilities.XenServerPv, s_server with { XenServerVersion = "7.6", XenBoot = "hvm" }).Findings, finding => finding.Id == "XPN004");
        Assert.DoesNotContain(Plan(facts, TargetCapabilities.XenServerPv, s_server with { XenServerVersion = "8", XenBoot = "hvm" }).Findings, finding => finding.Id == "XPN004");
    }

    [Fact]
    [Rehost.Testing.Requirement("S2.6", "S2.20", "S2.27")]
    public void Partitions_become_devices() // S2.6, S2.20, S2.27
    {
        var facts = Guest();
        facts = facts with
        {
            Machine = facts.Machine with { Disks = [facts.Machine.Disks[0] with { DeviceName = "vda" }, facts.Machine.Disks[1] with { DeviceName = "vdb" }] },
            Disks = [facts.Disks[0] with { DeviceName = "vda", Scheme = PartitionScheme.Mbr, FirstPartitionOffset = 1 << 20 }, facts.Disks[1] with { DeviceName = "vdb" }],
            Volumes =
            [
                new VolumeFacts { DeviceName = "vda1", DiskId = "root", PartitionNumber = 1, Offset = 1 << 20, LengthBytes = 64 << 20, Content = VolumeContent.Swap, Type = "swap" },
                facts.Volumes[0] with { DeviceName = "vda5", PartitionNumber = 5, Offset = 128 << 20, LengthBytes = 512 << 20 },
                facts.Volumes[1] with { DeviceName = "vdb" },
            ],
        };
        var plan = Plan(facts, TargetCapabilities.XenPv, s_xen with { DiskLayout = "partitions" });
        Assert.Equal("pygrub", plan.Target.ParavirtualBoot?.Bootloader); // no logical partition any more, and first in the list because pygrub looks there
        Assert.Equal([("xvda5", new DiskPart("root", 128 << 20, 512 << 20)), ("xvda1", new DiskPart("root", 1 << 20, 64 << 20)), ("xvdb", null)], plan.Target.Disks.Select(disk => (disk.DeviceName, disk.Part)));
        Assert.Equal(["web01-xvda5.img", "web01-xvda1.img", "web01-xvdb.img"], plan.Target.Disks.Select(disk => disk.Path));
        Assert.Contains(Plan(facts, TargetCapabilities.XenPv, s_xen with { DiskLayout = "partitions", XenBoot = "hvm" }).Findings, finding => finding.Id == "XPN005");
    }

    private static GuestFacts Guest()
    {
        var facts = DebianPv();
        return facts with
        {
            BootConfigurations = [facts.BootConfigurations[0] with { Entries = [facts.BootConfigurations[0].Entries[0] with { KernelVersion = "6.1.0" }] }],
            Kernels = [Kernel("6.1.0", isDefault: true) with { ParavirtualAbi = "x86_64", Drivers = [new KernelDriver("xen_blkfront", DriverForm.BuiltIn, [], true), new KernelDriver("xen_netfront", DriverForm.BuiltIn, [], true)] }],
        };
    }
}
