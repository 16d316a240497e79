using System.Globalization;
using Rehost.Inspection.Storage;
using Rehost.Model;

namespace Rehost.Inspection.Windows;

/// <summary>Volumes by the names that Windows writes down: disk signature and first byte on MBR disks, partition id on GPT.</summary>
internal static class VolumeNames
{
    /// <summary>The volume that a disk and partition id mean; null when it is not among the disks.</summary>
    public static string? OfPartition(GuestStorage storage, string diskTableId, string partitionId)
        => storage.Volumes.Select(volume => volume.Facts).FirstOrDefault(volume => storage.Disks.First(disk => disk.DiskId == volume.DiskId) is var disk && volume.PartitionNumber > 0
            && (disk.Scheme == PartitionScheme.Gpt
                ? string.Equals(volume.PartitionUuid, partitionId, StringComparison.OrdinalIgnoreCase)
                : string.Equals(disk.TableId, diskTableId, StringComparison.OrdinalIgnoreCase) && volume.Offset.ToString(CultureInfo.InvariantCulture) == partitionId))?.DeviceName;

    /// <summary>What a value of MountedDevices means, and the volume when it is there.</summary>
    public static (string Means, string? VolumeName) OfMountedDevice(GuestStorage storage, ReadOnlySpan<byte> data)
    {
        if (data.Length == 12)
        {
            var signature = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(data).ToString("x8", CultureInfo.InvariantCulture);
            var offset = System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(data[4..]).ToString(CultureInfo.InvariantCulture);
            return ($"partition at byte {offset} of MBR disk {signature}", OfPartition(storage, signature, offset));
        }

        if (data.Length == 24 && data[..8].SequenceEqual("DMIO:ID:"u8))
        {
            var id = new Guid(data[8..]).ToString("D");
            return ($"GPT partition {id}", OfPartition(storage, "", id));
        }

        var text = System.Text.Encoding.Unicode.GetString(data[..(data.Length & ~1)]);
        return (text.Length <= 120 ? text : text[..120], null);
    }
}
