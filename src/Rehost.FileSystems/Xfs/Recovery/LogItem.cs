using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>What a transaction says about one structure: its format (struct xfs_*_log_format, in the byte order of the machine that wrote it) and the regions that follow.</summary>
internal sealed class LogItem
{
    internal const ushort FreeIntent = 0x1236;
    internal const ushort FreeDone = 0x1237;
    internal const ushort Inode = 0x123B;
    internal const ushort Buffer = 0x123C;
    internal const ushort Quota = 0x123D;
    internal const ushort QuotaOff = 0x123E;
    internal const ushort NewInodes = 0x123F;
    internal const ushort OwnerIntent = 0x1240;
    internal const ushort OwnerDone = 0x1241;
    internal const ushort ReferenceIntent = 0x1242;
    internal const ushort ReferenceDone = 0x1243;
    internal const ushort MapIntent = 0x1244;
    internal const ushort MapDone = 0x1245;

    internal List<byte[]> Regions { get; } = [];

    internal byte[] Format => Regions[0];

    internal ushort Type => U16(0);

    /// <summary>Regions that it has in all.</summary>
    internal int Count => Regions.Count == 0 ? 0 : U16(2);

    internal ushort U16(int at) => at + 2 <= Format.Length ? BinaryPrimitives.ReadUInt16LittleEndian(Format.AsSpan(at)) : throw Short();

    internal uint U32(int at) => at + 4 <= Format.Length ? BinaryPrimitives.ReadUInt32LittleEndian(Format.AsSpan(at)) : throw Short();

    internal ulong U64(int at) => at + 8 <= Format.Length ? BinaryPrimitives.ReadUInt64LittleEndian(Format.AsSpan(at)) : throw Short();

    internal Model.DiagnosticException Short() => LogRecords.Damaged($"an item of type 0x{(Format.Length >= 2 ? BinaryPrimitives.ReadUInt16LittleEndian(Format) : 0):x} is cut short: {Format.Length} bytes");
}
