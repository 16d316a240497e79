using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>What the restart pages of $LogFile say of the volume.</summary>
internal static class LogFileState
{
    private const int PageSize = 4096;
    private const int LargestPage = 64 << 10;
    private const ushort NoClient = 0xFFFF;
    private const ushort CleanFlag = 2;

    /// <summary>Why what is logged may not have reached the volume; null when the log is clean or was emptied.</summary>
    internal static string? FindFault(NtfsNode log, StreamReader streams)
    {
        var data = log.Demand(AttributeType.Data);
        var head = new byte[(int)Math.Min(2 * LargestPage, data.Length)];
        streams.Read(data, 0, head, log.Where);
        if (!head.AsSpan().ContainsAnyExcept((byte)0xFF))
        {
            return null; // emptied by mkntfs, ntfs-3g, or us
        }

        var first = ReadPage(head, 0);
        var second = ReadPage(head, first?.PageSize ?? PageSize);
        if (first is null && second is null)
        {
            return "its log has no sound restart page";
        }

        var newest = first is null || (second is not null && second.Value.Lsn > first.Value.Lsn) ? second : first;
        if (newest is not { } page)
        {
            return null;
        }

        if (page.Version != 1)
        {
            return $"its log is of version {page.Version}: Windows 8 or later has it in use, or was shut down with fast startup";
        }

        return page.FirstClient == NoClient || (page.Flags & CleanFlag) != 0 ? null : "its log holds changes that may not have reached the volume";
    }

    private static (long Lsn, int PageSize, int Version, ushort FirstClient, ushort Flags)? ReadPage(ReadOnlySpan<byte> head, int offset)
    {
        const int restartAreaSize = 48;
        if (offset > head.Length - PageSize || !(head[offset..].StartsWith("RSTR"u8) || head[offset..].StartsWith("CHKD"u8)))
        {
            return null;
        }

        var size = BinaryPrimitives.ReadUInt32LittleEndian(head[(offset + 16)..]);
        if (size is < UpdateSequence.Stride or > LargestPage || !uint.IsPow2(size) || size > head.Length - offset)
        {
            return null;
        }

        var page = head.Slice(offset, (int)size).ToArray();
        try
        {
            UpdateSequence.Apply(page, NtfsDiagnostics.LogNotClean, "$LogFile");
        }
        catch (Model.DiagnosticException)
        {
            return null; // written in part: the other page counts
        }

        var area = BinaryPrimitives.ReadUInt16LittleEndian(page.AsSpan(24));
        if (area > size - restartAreaSize)
        {
            return null;
        }

        var restart = page.AsSpan(area);
        return (BinaryPrimitives.ReadInt64LittleEndian(restart), (int)size, BinaryPrimitives.ReadUInt16LittleEndian(page.AsSpan(28)),
            BinaryPrimitives.ReadUInt16LittleEndian(restart[12..]), BinaryPrimitives.ReadUInt16LittleEndian(restart[14..]));
    }
}
