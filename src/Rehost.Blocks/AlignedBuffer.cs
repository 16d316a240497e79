using System.Runtime.InteropServices;

namespace Rehost.Blocks;

/// <summary>
/// Memory that the kernel can write to a disk straight from, past the page cache: it begins at a multiple of <see cref="Alignment"/> and the garbage
/// collector does not move it.
/// </summary>
public sealed class AlignedBuffer
{
    /// <summary>Bytes. The size of a page, and a multiple of every sector size (open(2), O_DIRECT).</summary>
    public const int Alignment = 4096;

    private readonly byte[] _array;
    private readonly int _start;

    /// <summary>Takes memory; its content is anything.</summary>
    /// <param name="length">Bytes.</param>
    public AlignedBuffer(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        _array = GC.AllocateUninitializedArray<byte>(length + Alignment, pinned: true);
        _start = (int)((Alignment - (Marshal.UnsafeAddrOfPinnedArrayElement(_array, 0) % Alignment)) % Alignment);
    }

    /// <summary>Bytes.</summary>
    public int Length { get; }

    /// <summary>All of it.</summary>
    public Span<byte> Span => _array.AsSpan(_start, Length);
}
