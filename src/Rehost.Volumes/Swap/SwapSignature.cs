using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Swap;

/// <summary>The header of Linux swap space: a signature at the end of its first page, and in version 1 a UUID and a label at byte 1024.</summary>
/// <param name="Version">1 ("SWAPSPACE2"), or 0 for the form of before 1997 ("SWAP-SPACE"), which has no UUID.</param>
/// <param name="PageSize">Page size of the machine that made it: 4096 on x86.</param>
/// <param name="Uuid">As fstab writes it, lower case; empty when there is none.</param>
/// <param name="Label">Empty when there is none.</param>
/// <param name="Pages">Pages the swap space has, its header included; 0 in version 0.</param>
/// <param name="IsHibernated">Whether a suspended system is stored here: the file systems beside it are in use by that system.</param>
public sealed record SwapSignature(int Version, int PageSize, string Uuid, string Label, long Pages, bool IsHibernated)
{
    private const int SignatureLength = 10;
    private const int HeaderOffset = 1024;
    private const int HeaderLength = 44;
    private const int MinimumPageSize = 4096;
    private const int MaximumPageSize = 65536;

    /// <summary>Finds swap space on a device; null when there is none.</summary>
    public static SwapSignature? TryRead(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        Span<byte> magic = stackalloc byte[SignatureLength];
        for (var pageSize = MinimumPageSize; pageSize <= MaximumPageSize && pageSize <= device.Length; pageSize *= 2)
        {
            device.Read(new GuestOffset(pageSize - SignatureLength), magic);
            if (magic.SequenceEqual("SWAPSPACE2"u8))
            {
                return ReadVersion1(device, pageSize, isHibernated: false);
            }

            if (magic.SequenceEqual("SWAP-SPACE"u8))
            {
                return new SwapSignature(0, pageSize, "", "", 0, IsHibernated: false);
            }

            // swsusp, its 64-bit successor, uswsusp and the kernel since 2.6.31 replace the signature while a system is suspended here.
            if (magic.StartsWith("S1SUSPEND"u8) || magic.StartsWith("S2SUSPEND"u8) || magic.StartsWith("ULSUSPEND"u8) || magic.StartsWith("LINHIB0001"u8))
            {
                return ReadVersion1(device, pageSize, isHibernated: true);
            }
        }

        return null;
    }

    private static SwapSignature? ReadVersion1(IBlockDevice device, int pageSize, bool isHibernated)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        device.Read(new GuestOffset(HeaderOffset), header);
        var isLittleEndian = BinaryPrimitives.ReadUInt32LittleEndian(header) == 1;
        if (!isLittleEndian && BinaryPrimitives.ReadUInt32BigEndian(header) != 1)
        {
            // The kernel refuses any other version: it is not swap space, whatever the last ten bytes of the page say.
            return null;
        }

        var lastPage = isLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) : BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        var uuid = new Guid(header.Slice(12, 16), bigEndian: true);
        var label = header.Slice(28, 16);
        var end = label.IndexOf((byte)0);
        return new SwapSignature(
            1, pageSize, uuid == Guid.Empty ? "" : uuid.ToString("D"), GuestText.Decode(end < 0 ? label : label[..end]), (long)lastPage + 1, isHibernated);
    }
}
