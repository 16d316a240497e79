namespace Rehost.Archives.Tests;

/// <summary>Hands out its bytes in uneven pieces, as a file system may.</summary>
internal sealed class TrickleStream(byte[] data) : Stream
{
    private readonly Random random = new(data.Length);
    private int at;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        var take = Math.Min(Math.Min(count, data.Length - at), random.Next(1, random.Next(2, 9000)));
        data.AsSpan(at, take).CopyTo(buffer.AsSpan(offset));
        at += take;
        return take;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
