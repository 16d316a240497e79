using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>The parts of tables used last, decoded. Holds a fixed number, so that memory does not grow with the disk. Any number of threads may look.</summary>
/// <param name="file">Where the tables are.</param>
/// <param name="pageBytes">Bytes of a part; tables are larger or equal.</param>
internal sealed class Qcow2TableCache(IBlockDevice file, int pageBytes)
{
    private const int CacheBytes = 1 << 20;

    // A slot is replaced as a whole, so that a reader sees an old or a new one without a lock. An image that is only looked at needs none of them.
    private readonly Page?[] _slots = new Page?[CacheBytes / pageBytes];

    /// <summary>Bytes of a part.</summary>
    public int PageBytes => pageBytes;

    /// <summary>A part of a table, which was checked to lie in the file.</summary>
    /// <param name="offset">First byte in the file.</param>
    /// <param name="length">Its bytes, at most <see cref="PageBytes"/>; the last part of a table is shorter.</param>
    public ulong[] Get(long offset, int length)
    {
        ref var slot = ref _slots[(int)(offset / pageBytes % _slots.Length)];
        if (Volatile.Read(ref slot) is { } cached && cached.Offset == offset && cached.Entries.Length * 8 == length)
        {
            return cached.Entries;
        }

        var entries = new ulong[length / 8];
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(entries.AsSpan());
        file.Read(new GuestOffset(offset), bytes);
        BinaryPrimitives.ReverseEndianness(entries, entries);
        Volatile.Write(ref slot, new Page(offset, entries));
        return entries;
    }

    private sealed record Page(long Offset, ulong[] Entries);
}
