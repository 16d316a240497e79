using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>A stretch of a disk on its way through a <see cref="PieceCrew"/>; used again and again, so that a copy of any size needs the same memory.</summary>
internal sealed class Piece
{
    private AlignedBuffer? _buffer;
    private AlignedBuffer? _second;

    /// <summary>Its number, counted from 0 in the order of the disk.</summary>
    public long Index { get; set; }

    /// <summary>Where it is.</summary>
    public ByteRange Range { get; set; }

    /// <summary>Whether the whole stretch is known to be zero; such a piece may be of any length and has no content.</summary>
    public bool IsZero { get; set; }

    /// <summary>Whether its content was read.</summary>
    public bool IsRead { get; set; }

    /// <summary>The sum of its content, where somebody wants it.</summary>
    public ulong Sum { get; set; }

    /// <summary>Hashes of its blocks, where somebody wants them.</summary>
    public byte[] Hashes { get; set; } = [];

    /// <summary>Its content.</summary>
    public Span<byte> Content => Space(ref _buffer);

    /// <summary>Space for another version of its content, to compare.</summary>
    public Span<byte> SecondContent => Space(ref _second);

    private Span<byte> Space(ref AlignedBuffer? buffer)
    {
        var length = checked((int)Range.Length);
        if (buffer is null || buffer.Length < length)
        {
            buffer = new AlignedBuffer(Math.Max(length, DiskCopy.PieceSize));
        }

        return buffer.Span[..length];
    }

    /// <summary>What a piece will be.</summary>
    /// <param name="Range">Where it is.</param>
    /// <param name="IsZero">Whether it is known to be zero.</param>
    public readonly record struct Plan(ByteRange Range, bool IsZero);
}
