using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>NTFS boot sectors of old systems.</summary>
internal sealed class BootGeometryStep : WindowsStep
{
    // Cylinders are 1024 at most and sectors 63, so these are the sizes up to which a BIOS reports 64 and 128 heads.
    private const long Limit64Heads = 1024L * 64 * 63 * 512;
    private const long Limit128Heads = 1024L * 128 * 63 * 512;

    public override string Id => "windows-boot-geometry";

    public override string Title => "Geometry in the NTFS boot sector";

    public override string Description =>
        "Boot code of Windows 2000, XP and 2003 reads its first files by the heads, sectors and hidden sectors that its boot sector names; where they are not those of the target's BIOS, it stops with \"A disk read error occurred\". " +
        "They are set to what a BIOS reports for a disk of this size. Later systems read by block numbers and are left alone, but for hidden sectors that do not say where the volume begins.";

    public override ImmutableArray<string> Requirements => ["S3.9"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        var volume = context.Facts.Volumes.FirstOrDefault(one => one.DeviceName == windows.SystemVolume);
        if (windows.Geometry is not { } before || volume is null || volume.Kind != VolumeKind.Partition || context.Facts.Disks.FirstOrDefault(disk => disk.DiskId == volume.DiskId) is not { Scheme: PartitionScheme.Mbr } disk)
        {
            context.Skip("the system volume is no NTFS partition of an MBR disk");
            return;
        }

        var isOld = !windows.Version.IsAtLeast(6, 0);
        var hidden = volume.Offset / 512;
        var after = new NtfsGeometry(
            isOld ? 63 : before.SectorsPerTrack,
            isOld ? disk.LengthBytes <= Limit64Heads ? 64 : disk.LengthBytes <= Limit128Heads ? 128 : 255 : before.Heads,
            hidden is > 0 and <= uint.MaxValue ? hidden : before.HiddenSectors);
        if (after == before)
        {
            context.Skip($"it is what a BIOS reports: {before.Heads} heads, {before.SectorsPerTrack} sectors, {before.HiddenSectors} hidden sectors");
            return;
        }

        context.Add(new SetNtfsGeometry
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = $"The boot code reads its first files by this geometry: {before.Heads} heads, {before.SectorsPerTrack} sectors, {before.HiddenSectors} hidden sectors become {after.Heads}, {after.SectorsPerTrack}, {after.HiddenSectors}.",
            DiskId = disk.DiskId,
            VolumeOffset = volume.Offset,
            VolumeLength = volume.LengthBytes,
            Before = before,
            After = after,
        });
    }
}
