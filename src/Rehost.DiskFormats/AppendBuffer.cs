using Rehost.Blocks;

namespace Rehost.DiskFormats;

/// <summary>Joins small writes that follow one another in a file; large ones pass through.</summary>
internal sealed class AppendBuffer(IImageFile file)
{
    private readonly byte[] _buffer = new byte[512 * 1024];
    private long _start;
    private int _fill;

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (_fill > 0 && (offset != _start + _fill || data.Length > _buffer.Length - _fill))
        {
            Flush();
        }

        if (data.Length >= _buffer.Length / 2)
        {
            Flush();
            file.Write(new FileOffset(offset), data);
            return;
        }

        if (_fill == 0)
        {
            _start = offset;
        }

        data.CopyTo(_buffer.AsSpan(_fill));
        _fill += data.Length;
    }

    public void Flush()
    {
        if (_fill > 0)
        {
            file.Write(new FileOffset(_start), _buffer.AsSpan(0, _fill));
            _fill = 0;
        }
    }
}
