using Rehost.Blocks;

namespace Rehost.DiskFormats.BlockMaps;

/// <summary>
/// The entries of a table in a file, read by pages as they are needed. Holds a fixed number of pages, so that memory does not grow with the disk; a page
/// is never changed after it was read, so readers need no lock.
/// </summary>
/// <param name="file">The file; the whole table lies in it, which the caller has checked.</param>
/// <param name="offset">First byte of the table.</param>
/// <param name="count">Entries.</param>
/// <param name="entrySize">Bytes of an entry; a power of two.</param>
internal sealed class TablePages(IBlockDevice file, long offset, long count, int entrySize)
{
    private const int PageBytes = 64 << 10;
    private readonly Page?[] _slots = new Page?[16];

    public long Count => count;

    /// <summary>The bytes of an entry.</summary>
    public ReadOnlySpan<byte> this[long index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)index, (ulong)count, nameof(index));
            var at = index * entrySize;
            var number = at / PageBytes;
            ref var slot = ref _slots[number % _slots.Length];
            var page = Volatile.Read(ref slot);
            if (page is null || page.Number != number)
            {
                var bytes = new byte[(int)Math.Min(PageBytes, (count * entrySize) - (number * PageBytes))];
                file.Read(new GuestOffset(offset + (number * PageBytes)), bytes);
                page = new Page(number, bytes);
                Volatile.Write(ref slot, page);
            }

            return page.Bytes.AsSpan((int)(at % PageBytes), entrySize);
        }
    }

    private sealed record Page(long Number, byte[] Bytes);
}
