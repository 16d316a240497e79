namespace Rehost.Archives;

/// <summary>Counts what was read, and can look ahead, to skip zeros between archives.</summary>
internal sealed class CountingStream(Stream source) : Stream
{
    private readonly byte[] buffer = new byte[8 * 1024];
    private ReadOnlyMemory<byte> ahead;

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
        while (true)
        {
            if (ahead.IsEmpty)
            {
                ahead = buffer.AsMemory(0, source.Read(buffer));
                if (ahead.IsEmpty)
                {
                    return false;
                }
            }

            var zeros = ahead.Span.IndexOfAnyExcept((byte)0);
            var skip = zeros < 0 ? ahead.Length : zeros;
            Count += skip;
            ahead = ahead[skip..];
            if (zeros >= 0)
            {
                return true;
            }
        }
    }

    public override int Read(Span<byte> buffer)
    {
        int count;
        if (ahead.IsEmpty)
        {
            count = source.Read(buffer);
        }
        else
        {
            count = Math.Min(ahead.Length, buffer.Length);
            ahead.Span[..count].CopyTo(buffer);
            ahead = ahead[count..];
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
