namespace Rehost.Archives;

/// <summary>Counts what was read, and can look one byte ahead, to skip zeros between archives.</summary>
internal sealed class CountingStream(Stream source) : Stream
{
    private byte ahead;
    private bool hasAhead;

    /// <summary>Bytes handed out or skipped.</summary>
    public long Count { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => Count;
        set => throw new NotSupportedException();
    }

    /// <summary>Skips zeros; false at the end of the data.</summary>
    public bool SkipZeros()
    {
        Span<byte> one = stackalloc byte[1];
        while (source.Read(one) > 0)
        {
            if (one[0] != 0)
            {
                ahead = one[0];
                hasAhead = true;
                return true;
            }

            Count++;
        }

        return false;
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        int count;
        if (hasAhead)
        {
            buffer[0] = ahead;
            hasAhead = false;
            count = 1;
        }
        else
        {
            count = source.Read(buffer);
        }

        Count += count;
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
