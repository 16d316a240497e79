using Rehost.Blocks;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>A grain directory in the file, read by pages as it is needed: its size comes from a header that may lie.</summary>
internal sealed class VmdkDirectory(IBlockDevice file, long offset, long bytes)
{
    private const int PageBytes = 4096;
    private readonly (long Page, byte[] Bytes)?[] _pages = new (long, byte[])?[8];
    private readonly Lock _gate = new();

    /// <summary>First byte in the file.</summary>
    public long Offset => offset;

    /// <summary>Bytes of it.</summary>
    public long Length => bytes;

    /// <summary>Whether a directory can lie there.</summary>
    public static bool Fits(IBlockDevice file, ulong sector, long bytes) => sector > 0 && sector <= (ulong)(file.Length / VmdkHeader.SectorSize) && (long)sector * VmdkHeader.SectorSize <= file.Length - bytes;

    /// <summary>The bytes of an entry.</summary>
    public ReadOnlySpan<byte> Entry(long index, int entryBytes)
    {
        var (page, within) = Math.DivRem(index * entryBytes, PageBytes);
        lock (_gate)
        {
            if (_pages[page % _pages.Length] is not { } cached || cached.Page != page)
            {
                var content = new byte[Math.Min(PageBytes, bytes - (page * PageBytes))];
                file.Read(new GuestOffset(offset + (page * PageBytes)), content);
                _pages[page % _pages.Length] = cached = (page, content);
            }

            return cached.Bytes.AsSpan((int)within, entryBytes);
        }
    }
}
