using Rehost.Blocks;
using Rehost.DiskFormats.Compression;

namespace Rehost.DiskFormats.Xva;

/// <summary>Takes the bytes of an archive in order.</summary>
internal abstract class XvaSink : IDisposable
{
    public abstract void Write(ReadOnlySpan<byte> data);

    public abstract void Complete();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>An archive as it is.</summary>
internal sealed class PlainXvaSink(IImageFile file) : XvaSink
{
    private readonly AppendBuffer _append = new(file);
    private long _position;

    public override void Write(ReadOnlySpan<byte> data)
    {
        _append.Write(_position, data);
        _position += data.Length;
    }

    public override void Complete() => _append.Flush();
}

/// <summary>
/// An archive in zstd frames of 2 MiB each: they are compressed on all processors, every zstd reads them one after another (RFC 8878 section 3), and the
/// same content gives the same bytes whatever the number of processors.
/// </summary>
internal sealed class ZstdXvaSink : XvaSink
{
    private const int FrameContent = 2 << 20;
    private const int RawBlock = 128 << 10;
    private readonly AppendBuffer _append;
    private readonly OrderedCompressor _compressor;
    private readonly byte[] _frame = new byte[FrameContent];
    private int _fill;
    private long _position;

    public ZstdXvaSink(IImageFile file)
    {
        _append = new AppendBuffer(file);
        _compressor = new OrderedCompressor(ImageCompression.Zstd, FrameContent, (_, bytes, isCompressed) =>
        {
            if (isCompressed)
            {
                Put(bytes);
            }
            else
            {
                PutRaw(bytes);
            }
        });
    }

    public override void Write(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var count = Math.Min(data.Length, FrameContent - _fill);
            data[..count].CopyTo(_frame.AsSpan(_fill));
            _fill += count;
            data = data[count..];
            if (_fill == FrameContent)
            {
                _compressor.Submit(0, _frame);
                _fill = 0;
            }
        }
    }

    public override void Complete()
    {
        _compressor.Drain();
        if (_fill > 0)
        {
            var output = new byte[FrameContent];
            using var last = ClusterCompressor.Create(ImageCompression.Zstd);
            var length = last.Compress(_frame.AsSpan(0, _fill), output);
            if (length > 0)
            {
                Put(output.AsSpan(0, length));
            }
            else
            {
                PutRaw(_frame.AsSpan(0, _fill));
            }
        }

        _append.Flush();
    }

    protected override void Dispose(bool disposing)
    {
        _compressor.Dispose();
        base.Dispose(disposing);
    }

    private void Put(ReadOnlySpan<byte> data)
    {
        _append.Write(_position, data);
        _position += data.Length;
    }

    /// <summary>A frame of raw blocks for what does not shrink: single segment, four bytes of content size, blocks of 128 KiB (RFC 8878 section 3.1.1).</summary>
    private void PutRaw(ReadOnlySpan<byte> content)
    {
        Span<byte> header = stackalloc byte[9];
        header[0] = 0x28;
        header[1] = 0xb5;
        header[2] = 0x2f;
        header[3] = 0xfd;
        header[4] = 0xa0;
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(header[5..], content.Length);
        Put(header);
        while (!content.IsEmpty)
        {
            var count = Math.Min(content.Length, RawBlock);
            var block = (count << 3) | (count == content.Length ? 1 : 0);
            Put([(byte)(block & 0xff), (byte)((block >> 8) & 0xff), (byte)(block >> 16)]);
            Put(content[..count]);
            content = content[count..];
        }
    }
}
