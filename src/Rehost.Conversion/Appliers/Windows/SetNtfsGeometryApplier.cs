using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Conversion.Appliers.Windows;

/// <summary>Sets the geometry in NTFS boot sectors: the first sector of the volume, and its copy in the last where that is one.</summary>
internal sealed class SetNtfsGeometryApplier() : ChangeApplier<SetNtfsGeometry>(ApplyPhase.Layout)
{
    private const int Sector = 512;

    protected override void Check(SetNtfsGeometry change, ApplyContext context)
    {
        var sector = Read(context.Disk(change.DiskId).Device, change.VolumeOffset);
        var found = new NtfsGeometry(BinaryPrimitives.ReadUInt16LittleEndian(sector.AsSpan(0x18)), BinaryPrimitives.ReadUInt16LittleEndian(sector.AsSpan(0x1a)), BinaryPrimitives.ReadUInt32LittleEndian(sector.AsSpan(0x1c)));
        if (!sector.AsSpan(3, 8).SequenceEqual("NTFS    "u8) || found != change.Before)
        {
            throw ApplyDiagnostics.LayoutNotAsSeen.ToException($"the boot sector at byte {change.VolumeOffset} has {found}, the plan saw {change.Before}", change.DiskId);
        }
    }

    protected override void Apply(SetNtfsGeometry change, ApplyContext context, CancellationToken cancellationToken)
    {
        var device = context.Disk(change.DiskId).Device;
        var first = Read(device, change.VolumeOffset);
        Write(device, change.VolumeOffset, first, change.After);

        // NTFS ends one sector before its partition does; the last sector of the partition repeats the first.
        var last = change.VolumeOffset + change.VolumeLength - Sector;
        if (last > change.VolumeOffset && Read(device, last) is var copy && copy.AsSpan(3, 8).SequenceEqual("NTFS    "u8) && copy.AsSpan(72, 8).SequenceEqual(first.AsSpan(72, 8)))
        {
            Write(device, last, copy, change.After);
        }
    }

    private static byte[] Read(IBlockDevice device, long offset)
    {
        var sector = new byte[Sector];
        device.Read(new GuestOffset(offset), sector);
        return sector;
    }

    private static void Write(IBlockDevice device, long offset, byte[] sector, NtfsGeometry geometry)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(sector.AsSpan(0x18), (ushort)geometry.SectorsPerTrack);
        BinaryPrimitives.WriteUInt16LittleEndian(sector.AsSpan(0x1a), (ushort)geometry.Heads);
        BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(0x1c), (uint)geometry.HiddenSectors);
        device.Write(new GuestOffset(offset), sector);
    }
}
