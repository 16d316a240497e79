using Rehost.FileSystems;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>A guest file as a stream to be read forward.</summary>
internal sealed class GuestFileStream(GuestNode file, long offset, long? end = null) : Stream
{
    private long _position = offset;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => end ?? file.Metadata.Length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        var count = buffer.IsEmpty || _position >= Length ? 0 : Math.Max(0, file.FileSystem.Read(file.Node, _position, buffer[..(int)Math.Min(buffer.Length, Length - _position)]));
        _position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
