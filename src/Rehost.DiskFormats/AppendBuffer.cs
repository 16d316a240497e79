using Rehost.Blocks;

namespace Rehost.DiskFormats;

/// <summary>
/// Joins writes that follow one another in a file; large ones pass through. What it hands on ends at a multiple of the page size as long as more follows,
/// and lies in memory as it will in the file, so that the file can be written past the page cache.
/// </summary>
internal sealed class AppendBuffer(IImageFile file)
{
    private const int Capacity = 1 << 20;
    private const int LargeWrite = 256 * 1024;
    private const int Alignment = AlignedBuffer.Alignment;
    private readonly AlignedBuffer _buffer = new(Capacity);
    private long _start; // in the file, of what is held, which lies in the buffer from here modulo the alignment on
    private int _fill;

    private int First => (int)(_start % Alignment);

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (_fill > 0 && offset != _start + _fill)
        {
            Flush();
        }

        if (data.Length >= LargeWrite && offset % Alignment == 0)
        {
            Flush();
            file.Write(new FileOffset(offset), data);
            return;
        }

        if (_fill == 0)
        {
            _start = offset;
        }

        while (!data.IsEmpty)
        {
            var count = Math.Min(data.Length, Capacity - First - _fill);
            data[..count].CopyTo(_buffer.Span[(First + _fill)..]);
            _fill += count;
            data = data[count..];
            if (First + _fill == Capacity)
            {
                Flush();
                _start += Capacity - First;
            }
        }
    }

    public void Flush()
    {
        if (_fill > 0)
        {
            file.Write(new FileOffset(_start), _buffer.Span.Slice(First, _fill));
            _fill = 0;
        }
    }
}
