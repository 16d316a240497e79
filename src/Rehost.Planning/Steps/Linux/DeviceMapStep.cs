using System.Collections.Immutable;

namespace Rehost.Planning.Steps.Linux;

/// <summary>GRUB's device.map, which names disks by their bus.</summary>
internal sealed class DeviceMapStep : ConversionStep
{
    private static readonly string[] Files = ["/boot/grub/device.map", "/boot/grub2/device.map"];

    public override string Id => "device-map";

    public override string Title => "GRUB's device map";

    public override string Description => "grub-install and GRUB legacy's tools look a disk's BIOS number up in device.map (not devices.map). A stale map makes the guest's next boot loader update fail.";

    public override ImmutableArray<string> Requirements => ["S1.30"];

    public override ImmutableArray<string> Reads => [.. Files];

    public override void Plan(PlanningContext context)
    {
        var map = string.Concat(context.Facts.Disks.Select((_, index) => $"(hd{index})\t/dev/{context.Devices.TargetDiskName(index)}\n"));
        foreach (var path in Files.Where(path => context.Text(path) is not null))
        {
            context.SetText(path, map, "The map names the disks of the old hypervisor.");
        }

        context.Skip("the guest has no device.map, or it is right");
    }
}
