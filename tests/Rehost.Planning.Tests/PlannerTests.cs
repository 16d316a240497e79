using Rehost.Model;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

public sealed class PlannerTests
{
    [Fact]
    public void The_same_facts_give_the_same_bytes_of_plan()
    {
        var facts = DebianPv(Text("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n"));
        Assert.Equal(ModelJson.Serialize(Plan(facts)), ModelJson.Serialize(Plan(ModelJson.Deserialize<GuestFacts>(ModelJson.Serialize(facts)))));
    }

    [Fact]
    public void A_plan_survives_a_round_trip_through_json()
    {
        var plan = Plan(DebianPv(Text("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n"), Text("/etc/initramfs-tools/modules", "# list\n")));
        var json = ModelJson.Serialize(plan);
        Assert.Equal(json, ModelJson.Serialize(ModelJson.Deserialize<ConversionPlan>(json)));
        Assert.Contains("\"kind\": \"extendInitramfs\"", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_change_names_its_step_its_reason_and_a_requirement()
    {
        var plan = Plan(DebianPv(Text("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n"), Text("/etc/inittab", "co:2345:respawn:/sbin/getty 38400 hvc0\n")));
        Assert.NotEmpty(plan.Changes);
        Assert.All(plan.Steps, step => Assert.True(step.Changes.IsEmpty == (step.SkippedBecause is not null), step.StepId));
        Assert.All(plan.Changes, change =>
        {
            Assert.EndsWith(".", change.Reason, StringComparison.Ordinal);
            Assert.Contains(ConversionSteps.All, step => step.Id == change.StepId);
            Assert.NotEmpty(change.Requirements);
        });
    }

    [Theory]
    [InlineData("kernel-choice")]
    [InlineData("initramfs-drivers")]
    [InlineData("initramfs-configuration")]
    [InlineData("module-aliases")]
    [InlineData("disk-layout")]
    [InlineData("boot-menu")]
    [InlineData("boot-menu-defaults")]
    [InlineData("device-map")]
    [InlineData("fstab")]
    [InlineData("crypttab")]
    [InlineData("resume-device")]
    [InlineData("inittab")]
    [InlineData("systemd-console")]
    [InlineData("upstart-console")]
    [InlineData("securetty")]
    [InlineData("interface-names")]
    [InlineData("hypervisor-tools")]
    [InlineData("boot-loader")]
    [InlineData("target-devices")]
    [InlineData("hardware-detection")]
    [InlineData("display-driver")]
    [InlineData("xen-libraries")]
    [InlineData("selinux-labels")]
    [InlineData("packages")]
    [InlineData("device-names")]
    [InlineData("machine-identity")]
    [InlineData("loaded-modules")]
    [InlineData("clock")]
    public void A_step_that_has_nothing_to_do_says_why_or_else_changes_something(string id)
    {
        var bare = Plan(DebianPv() with { Volumes = [], Disks = [], Kernels = [], NetworkInterfaces = [] }).Steps.Single(step => step.StepId == id);
        Assert.True(bare.Changes.IsEmpty ? bare.SkippedBecause is { Length: > 10 } : bare.SkippedBecause is null);
    }

    [Fact]
    public void Step_ids_are_unique() => Assert.Equal(ConversionSteps.All.Length, ConversionSteps.All.Select(step => step.Id).Distinct().Count());

    [Fact]
    public void A_guest_without_kernel_is_refused()
    {
        var plan = Plan(DebianPv() with { Kernels = [] });
        Assert.Contains(plan.Findings, finding => finding is { Id: "PLN001", Severity: Severity.Error });
    }

    [Fact]
    public void A_kernel_for_xen_alone_is_not_chosen()
    {
        var facts = DebianPv() with { Kernels = [Kernel("2.6.18-xen") with { RequiresXen = true }, Kernel("6.1.0")] };
        var plan = Plan(facts);
        Assert.Contains(plan.Findings, finding => finding.Id == "PLN002");
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        Assert.Equal(["6.1.0"], plan.Changes.OfType<ExtendInitramfs>().Select(change => change.KernelVersion));
    }

    [Fact]
    public void The_target_machine_keeps_memory_processors_and_addresses()
    {
        var target = Plan(DebianPv()).Target;
        Assert.Equal((Hypervisor.Kvm, 512L << 20, 2), (target.Hypervisor, target.MemoryBytes, target.VirtualCpus));
        Assert.Equal(["vda", "vdb"], target.Disks.Select(disk => disk.DeviceName));
        Assert.Equal("00:16:3e:00:00:01", Assert.Single(target.NetworkAdapters).MacAddress);
        Assert.Equal([true, false], target.Disks.Select(disk => disk.IsBootable));
    }

    [Theory]
    [InlineData("6.1.0-50-amd64", "q35")]
    [InlineData("2.6.32-754.el6.x86_64", "pc")]
    public void A_kernel_before_virtio_1_gets_the_older_chipset(string release, string chipset)
        => Assert.Equal(chipset, Plan(DebianPv() with { Kernels = [Kernel("6.1.0"), Kernel(release)] }).Target.Chipset);

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("a/b")]
    [InlineData("-rf")]
    [InlineData("<x>&\"'\n")]
    public void A_hostile_name_never_becomes_a_path(string name)
    {
        var facts = DebianPv();
        var target = Plan(facts with { Machine = facts.Machine with { Name = name } }).Target;
        Assert.Matches("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", target.Name);
        Assert.All(target.Disks, disk => Assert.DoesNotContain("/", disk.Path ?? "", StringComparison.Ordinal));
    }
}
