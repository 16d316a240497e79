using Rehost.Model;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>S1.10, S1.15, S1.33: where the boot loader goes.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void A_bare_file_system_is_wrapped_and_nothing_is_shrunk() // S1.1, S1.6, S1.7, S1.10, S1.17
    {
        var plan = Plan(DebianPv());
        var wrap = Assert.Single(plan.Changes.OfType<WrapInPartition>());
        Assert.Equal(1 << 20, wrap.PartitionOffset);
        Assert.Equal((1L << 30) + (1 << 20), wrap.TargetLength);
        Assert.Equal(wrap.TargetLength, plan.Target.Disks[0].LengthBytes);
        Assert.Matches("^[0-9a-f]{8}$", wrap.DiskSignature);
        var loader = Assert.Single(plan.Changes.OfType<InstallBootloader>());
        Assert.Equal(("/boot/grub", "/boot/grub/grub.cfg", RootUuid), (loader.Prefix, loader.ConfigurationPath, loader.FileSystemUuid));
    }

    [Fact]
    public void A_first_partition_at_sector_63_is_moved_up()
    {
        var facts = Partitioned(PartitionScheme.Mbr, firstPartition: 63 * 512);
        var shift = Assert.Single(Plan(facts).Changes.OfType<ShiftPartitions>());
        Assert.Equal(1 << 20, (63 * 512) + shift.ShiftBytes);
    }

    [Fact]
    public void A_modern_mbr_keeps_its_layout() // S1.4
    {
        var plan = Plan(Partitioned(PartitionScheme.Mbr, firstPartition: 1 << 20));
        Assert.DoesNotContain(plan.Changes, change => change is ShiftPartitions or WrapInPartition);
        Assert.Equal((1 << 20) - 512, Assert.Single(plan.Changes.OfType<InstallBootloader>()).CoreCapacity);
    }

    [Fact]
    public void A_gpt_gets_a_bios_boot_partition_in_front()
    {
        var plan = Plan(Partitioned(PartitionScheme.Gpt, firstPartition: 1 << 20));
        var added = Assert.Single(plan.Changes.OfType<AddBiosBootPartition>());
        Assert.Equal((34 * 512, (1 << 20) - (34 * 512)), (added.Offset, added.LengthBytes));
        Assert.Equal(added.Offset, Assert.Single(plan.Changes.OfType<InstallBootloader>()).CoreOffset);
    }

    [Fact]
    public void A_gpt_without_room_is_refused_with_what_to_do()
    {
        var plan = Plan(Partitioned(PartitionScheme.Gpt, firstPartition: 40 * 512));
        Assert.Contains(plan.Findings, finding => finding is { Id: "PLN006", Severity: Severity.Error } && finding.NextStep.Length > 20);
    }

    [Fact]
    public void A_bare_disk_beyond_two_tebibytes_is_refused()
    {
        var facts = DebianPv();
        facts = facts with { Disks = [facts.Disks[0] with { LengthBytes = 2L << 40 }, facts.Disks[1]] };
        Assert.Contains(Plan(facts).Findings, finding => finding.Id == "PLN010");
    }

    [Fact]
    public void A_separate_boot_partition_gives_paths_without_boot() // S2.5
    {
        var facts = Partitioned(PartitionScheme.Mbr, firstPartition: 1 << 20);
        var boot = facts.Volumes[0] with { DeviceName = "xvda1", MountPath = "/boot", Uuid = SwapUuid };
        var root = facts.Volumes[0] with { DeviceName = "xvda2", PartitionNumber = 2, MountPath = "/" };
        var loader = Assert.Single(Plan(facts with { Volumes = [boot, root] }).Changes.OfType<InstallBootloader>());
        Assert.Equal(("/grub", "/grub/grub.cfg", SwapUuid), (loader.Prefix, loader.ConfigurationPath, loader.FileSystemUuid));
    }

    private static GuestFacts Partitioned(PartitionScheme scheme, long firstPartition)
    {
        var facts = DebianPv();
        var disk = facts.Disks[0] with { DiskId = "root", DeviceName = "xvda", Scheme = scheme, FirstPartitionOffset = firstPartition };
        var volume = facts.Volumes[0] with { PartitionNumber = 1, Offset = firstPartition, DeviceName = "xvda1" };
        return facts with { Disks = [disk], Volumes = [volume], Machine = facts.Machine with { Disks = [facts.Machine.Disks[0] with { DeviceName = "xvda" }] } };
    }
}
