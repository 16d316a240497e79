namespace Rehost.Archives;

/// <summary>
/// Decoded bytes and the history that matches refer to. It grows with what is really decoded, so that a header that asks for a large dictionary costs nothing by itself.
/// </summary>
internal sealed class SlidingWindow
{
    private readonly int capacity;

    public SlidingWindow(int size)
    {
        Size = size;
        capacity = size + Math.Clamp(size / 4, 1 << 20, 16 << 20);
        Buffer = new byte[Math.Min(capacity, 1 << 18)];
    }

    /// <summary>How much history is kept at least.</summary>
    public int Size { get; }

    /// <summary>Holds history below <see cref="Position"/> and room above it.</summary>
    public byte[] Buffer { get; private set; }

    /// <summary>Where the next byte goes.</summary>
    public int Position { get; set; }

    /// <summary>Nothing before it may be referred to (start of the stream or reset of the dictionary).</summary>
    public int Floor { get; private set; }

    /// <summary>How far back a match may reach.</summary>
    public int Reach => Math.Min(Position - Floor, Size);

    public void Forget() => Floor = Position;

    /// <summary>Makes room; everything below <see cref="Position"/> has been handed out, so only the window's last bytes are kept.</summary>
    public void Reserve(int count)
    {
        if (Buffer.Length - Position >= count)
        {
            return;
        }

        if (Buffer.Length < capacity)
        {
            var larger = new byte[Math.Min(capacity, Math.Max(Buffer.Length * 2L, Buffer.Length + (long)count))];
            Buffer.AsSpan(0, Position).CopyTo(larger);
            Buffer = larger;
            if (Buffer.Length - Position >= count)
            {
                return;
            }
        }

        var drop = Math.Max(0, Position - Size);
        Buffer.AsSpan(drop, Position - drop).CopyTo(Buffer);
        Position -= drop;
        Floor = Math.Max(0, Floor - drop);
    }

    /// <summary>Copies a match whose distance and room the caller has checked; source and target may overlap.</summary>
    public static void CopyMatch(byte[] buffer, int position, int distance, int length)
    {
        var from = position - distance;
        if (distance >= length)
        {
            buffer.AsSpan(from, length).CopyTo(buffer.AsSpan(position, length));
            return;
        }

        if (distance == 1)
        {
            buffer.AsSpan(position, length).Fill(buffer[from]);
            return;
        }

        // The pattern repeats: each copy doubles what can be copied at once.
        var target = buffer.AsSpan(position, length);
        var done = 0;
        var run = distance;
        while (done < length)
        {
            var count = Math.Min(run, length - done);
            buffer.AsSpan(from, count).CopyTo(target.Slice(done, count));
            done += count;
            run *= 2;
        }
    }

    public ReadOnlyMemory<byte> Since(int start) => Buffer.AsMemory(start, Position - start);
}
