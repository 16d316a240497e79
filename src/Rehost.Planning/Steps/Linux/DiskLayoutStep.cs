using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Makes room for a boot loader: a partition table around a bare file system, or a wider gap before the first partition.</summary>
internal sealed class DiskLayoutStep : ConversionStep
{
    private const long Mebibyte = 1 << 20;
    private const int Sector = 512;

    /// <summary>A gap that holds our core.img with room to spare; GRUB's own needs about 30 KiB, ours about 180 KiB because it brings all its modules.</summary>
    private const long NeededGap = 384 * 1024;

    /// <summary>First byte behind a GPT of 128 entries: protective MBR, header and 32 sectors of entries.</summary>
    private const long EndOfGpt = 34 * Sector;

    /// <summary>MBR partitions count 32 bits of sectors.</summary>
    private const long MbrLimit = (1L << 32) * Sector;

    public override string Id => "disk-layout";

    public override string Title => "Room for a boot loader";

    public override string Description =>
        "pygrub reads a kernel out of a bare file system; firmware needs a boot sector. A disk without partition table is put into partition 1 of a target that is " +
        "larger by the gap: the file system moves as bytes and nothing is shrunk. Old disks whose first partition starts at sector 63 are moved up to leave a gap of " +
        "1 MiB; a GPT gets a BIOS boot partition in the unused space before the first partition.";

    public override ImmutableArray<string> Requirements => ["S1.1", "S1.4", "S1.7", "S1.10", "S1.15", "S1.33"];

    public override bool EditsGuest => false;

    public override void Plan(PlanningContext context)
    {
        if (context.Devices.Root is null && context.Facts.RootSealedBecause is null)
        {
            context.Report(PlanDiagnostics.NoRoot.Create($"{context.Facts.Volumes.Length} volumes were looked at"));
            context.Skip("no root file system was found");
            return;
        }

        if (BootLoaderStep.KeepsOwnLoader(context))
        {
            context.Skip("the guest's own boot loader stays where it is");
            return;
        }

        if (context.Target.Firmware == Firmware.None || BootLoaderStep.MenuVolume(context) is not { } volume)
        {
            context.Skip("the target starts from no firmware");
            return;
        }

        var disk = context.Facts.Disks.First(candidate => candidate.DiskId == volume.DiskId);
        if (HelperPartitionStep.Existing(context, disk) is not null)
        {
            context.Skip("the disk is laid out already");
            return;
        }

        if (context.Target.Firmware == Firmware.Uefi && disk.Scheme != PartitionScheme.None)
        {
            context.BootDisk = new BootDisk(disk, volume, IsWrapped: false, CoreOffset: null, CoreCapacity: 0, disk.LengthBytes);
            context.Skip("a boot loader for UEFI is a file in a partition of its own, and needs no room before the first one");
            return;
        }

        switch (disk.Scheme)
        {
            case PartitionScheme.None:
                Wrap(context, disk, volume);
                break;
            case PartitionScheme.Mbr:
                Widen(context, disk, volume);
                break;
            case PartitionScheme.Gpt:
                AddBootPartition(context, disk, volume);
                break;
            default:
                throw new InvalidOperationException($"unknown partition scheme {disk.Scheme}");
        }
    }

    private void Wrap(PlanningContext context, DiskFacts disk, VolumeFacts volume)
    {
        var length = Mebibyte + RoundUp(disk.LengthBytes, Mebibyte);
        if (length > MbrLimit)
        {
            context.Report(PlanDiagnostics.TooLargeForMbr.Create(string.Create(CultureInfo.InvariantCulture, $"{disk.LengthBytes} bytes"), disk.DeviceName));
            return;
        }

        context.BootDisk = new BootDisk(disk, volume, IsWrapped: true, CoreOffset: null, CoreCapacity: Mebibyte - Sector, length);
        context.Add(new WrapInPartition
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = $"{disk.DeviceName} is a bare {volume.Type} file system; the target's firmware needs a partition table with a boot sector. The disk grows by {length - disk.LengthBytes} bytes and the file system is moved as it is.",
            DiskId = disk.DiskId,
            PartitionOffset = Mebibyte,
            TargetLength = length,
            DiskSignature = Signature(volume.Uuid ?? disk.DiskId),
        });
    }

    private void Widen(PlanningContext context, DiskFacts disk, VolumeFacts volume)
    {
        var gap = disk.FirstPartitionOffset - Sector;
        if (gap >= NeededGap)
        {
            context.BootDisk = new BootDisk(disk, volume, IsWrapped: false, CoreOffset: null, Math.Min(gap, Mebibyte - Sector), disk.LengthBytes);
            context.Skip($"{disk.DeviceName} has a gap of {gap} bytes before its first partition");
            return;
        }

        var shift = RoundUp(disk.FirstPartitionOffset, Mebibyte) - disk.FirstPartitionOffset;
        var length = RoundUp(disk.LengthBytes + shift, Sector);
        if (length > MbrLimit)
        {
            context.Report(PlanDiagnostics.TooLargeForMbr.Create(string.Create(CultureInfo.InvariantCulture, $"{disk.LengthBytes} bytes"), disk.DeviceName));
            return;
        }

        context.BootDisk = new BootDisk(disk, volume, IsWrapped: false, CoreOffset: null, Math.Min(gap + shift, Mebibyte - Sector), length);
        context.Add(new ShiftPartitions
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = $"The first partition of {disk.DeviceName} starts at byte {disk.FirstPartitionOffset}, which leaves {gap} bytes for a boot loader that needs {NeededGap}. All partitions move up by {shift} bytes.",
            DiskId = disk.DiskId,
            ShiftBytes = shift,
            TargetLength = length,
        });
    }

    private void AddBootPartition(PlanningContext context, DiskFacts disk, VolumeFacts volume)
    {
        if (disk.BiosBootPartitionOffset is { } existing)
        {
            context.BootDisk = new BootDisk(disk, volume, IsWrapped: false, existing, disk.BiosBootPartitionLength, disk.LengthBytes);
            context.Skip($"{disk.DeviceName} has a BIOS boot partition");
            return;
        }

        var room = disk.FirstPartitionOffset - EndOfGpt;
        if (room < NeededGap)
        {
            context.Report(PlanDiagnostics.NoRoomForBootLoader.Create($"{Math.Max(0, room)} bytes lie before the first partition of a GPT without BIOS boot partition; needed: {NeededGap}", disk.DeviceName));
            return;
        }

        context.BootDisk = new BootDisk(disk, volume, IsWrapped: false, EndOfGpt, room, disk.LengthBytes);
        context.Add(new AddBiosBootPartition
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = $"{disk.DeviceName} has a GPT, where a BIOS boot loader needs a partition of its own; the {room} bytes before the first partition are unused.",
            DiskId = disk.DiskId,
            Offset = EndOfGpt,
            LengthBytes = room,
        });
    }

    // Derived from the file system's UUID, so that the same guest always gets the same disk.
    private static string Signature(string seed) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("rehost disk signature " + seed)).AsSpan(0, 4));

    private static long RoundUp(long value, long unit) => (value + unit - 1) / unit * unit;
}
