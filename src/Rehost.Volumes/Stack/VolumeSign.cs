using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Stack;

/// <summary>Volume layers that are known by name and not read.</summary>
internal static class VolumeSign
{
    private const string LdmMetadata = "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3";
    private const string LdmData = "af9b60a0-1431-4f62-bc68-3311714a69ad";
    private const string LdmMbr = "42";

    /// <summary>What a volume holds that is known and not read; null when it is nothing of that kind.</summary>
    public static (string Type, Diagnostic Finding)? Recognize(VolumeNode node)
    {
        if (node.Partition is { TypeId: LdmMetadata or LdmData or LdmMbr })
        {
            return ("LDM", VolumeDiagnostics.DynamicDisk.Create("its partition type is that of a dynamic disk", node.Name));
        }

        if (node.Device.Length < 4096)
        {
            return null;
        }

        Span<byte> head = stackalloc byte[512];
        node.Device.Read(GuestOffset.Zero, head);
        if (head[3..].StartsWith("-FVE-FS-"u8) || head[3..].StartsWith("MSWIN4.1"u8) && head[424..].StartsWith(BitLockerToGo))
        {
            return ("BitLocker", VolumeDiagnostics.BitLocker.Create("its first sector is that of a volume encrypted by BitLocker", node.Name));
        }

        // LVM1's pv_disk_t: "HM", version 1 or 2, then the place of this structure itself: 0, and 1024 bytes.
        if (head.StartsWith("HM"u8) && head[2] is 1 or 2 && head[3] == 0 && BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) == 0 && BinaryPrimitives.ReadUInt32LittleEndian(head[8..]) == 1024)
        {
            return ("LVM1", VolumeDiagnostics.Lvm1.Create("it is a physical volume of LVM 1", node.Name));
        }

        return null;
    }

    /// <summary>4967d63b-2e29-4ad8-8399-f6a339e3d001.</summary>
    private static ReadOnlySpan<byte> BitLockerToGo => [0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01];
}
