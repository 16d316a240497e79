using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>struct xfs_inobt_rec: 64 inodes, of which runs of four may not exist (sparse inodes).</summary>
internal readonly record struct Chunk(uint Start, ushort Holes, ulong Free)
{
    internal const int Inodes = 64;
    internal const int RecordSize = 16;

    /// <summary>Inodes that exist; those that do not are marked free too.</summary>
    internal ulong Existing
    {
        get
        {
            var mask = 0UL;
            for (var i = 0; i < 16; i++)
            {
                mask |= (Holes & (1 << i)) == 0 ? 0xFUL << (i * 4) : 0;
            }

            return mask;
        }
    }

    internal ulong Usable => Free & Existing;

    internal int FreeCount => BitOperations.PopCount(Usable);

    internal static Chunk Parse(ReadOnlySpan<byte> bytes, bool isSparse, string where)
    {
        var chunk = new Chunk(BinaryPrimitives.ReadUInt32BigEndian(bytes), isSparse ? BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]) : (ushort)0, BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
        var free = isSparse ? bytes[7] : BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        return free == chunk.FreeCount ? chunk : throw XfsDiagnostics.BadBlock.ToException($"the inodes at {chunk.Start} have {free} free ones by count, {chunk.FreeCount} by map", where);
    }

    internal void Write(Span<byte> bytes, bool isSparse)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Start);
        if (isSparse)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], Holes);
            bytes[6] = (byte)BitOperations.PopCount(Existing);
            bytes[7] = (byte)FreeCount;
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], (uint)FreeCount);
        }

        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Free);
    }
}
