using Rehost.Blocks;

namespace Rehost.DiskFormats.BlockMaps;

/// <summary>Writes a table whose entries are set in ascending order: only one page of it is ever in memory.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">First byte of the table.</param>
/// <param name="length">Bytes of the table with its padding.</param>
/// <param name="entrySize">Bytes of an entry; a power of two.</param>
/// <param name="fill">What entries consist of that are not set.</param>
internal sealed class TableWriter(IImageFile file, long offset, long length, int entrySize, byte fill)
{
    private const int PageBytes = 64 << 10;
    private readonly byte[] _page = NewPage(fill);
    private long _number;
    private bool _isSet;

    public void Set(long index, ReadOnlySpan<byte> entry)
    {
        var at = index * entrySize;
        while (_number < at / PageBytes)
        {
            FlushPage();
        }

        entry.CopyTo(_page.AsSpan((int)(at % PageBytes), entrySize));
        _isSet = true;
    }

    public void Complete(CancellationToken cancellationToken)
    {
        while (_number * PageBytes < length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            FlushPage();
        }
    }

    private static byte[] NewPage(byte fill)
    {
        var page = new byte[PageBytes];
        page.AsSpan().Fill(fill);
        return page;
    }

    private void FlushPage()
    {
        // A page of zeros is what a new file holds anyway.
        if (_isSet || fill != 0)
        {
            file.Write(new FileOffset(offset + (_number * PageBytes)), _page.AsSpan(0, (int)Math.Min(PageBytes, length - (_number * PageBytes))));
        }

        if (_isSet)
        {
            _page.AsSpan().Fill(fill);
            _isSet = false;
        }

        _number++;
    }
}
