namespace Rehost.Transfer.Undo;

/// <summary>Bytes of a disk before and after.</summary>
/// <param name="Disk">Which disk.</param>
/// <param name="Offset">Where, plan applied: behind what was moved.</param>
/// <param name="Old">Bytes before; zeros for what is beyond the old end.</param>
/// <param name="New">Bytes after, as many.</param>
public sealed record UndoRange(int Disk, long Offset, ReadOnlyMemory<byte> Old, ReadOnlyMemory<byte> New);

/// <summary>A range of a journal, and where its bytes are in it.</summary>
/// <param name="Disk">Which disk.</param>
/// <param name="Offset">Where on the disk, plan applied.</param>
/// <param name="Length">Bytes.</param>
/// <param name="OldPosition">Where the old bytes are in the journal; null for zeros.</param>
/// <param name="NewPosition">Where the new bytes are in the journal; null for zeros.</param>
public readonly record struct UndoRangeIndex(int Disk, long Offset, int Length, long? OldPosition, long? NewPosition)
{
    /// <summary>First byte behind it.</summary>
    public long End => Offset + Length;
}
