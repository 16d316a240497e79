namespace Rehost.Archives;

/// <summary>One entry while an initramfs is read: its content is there until the next entry is asked for.</summary>
public sealed class InitramfsFile
{
    private readonly CpioReader reader;

    internal InitramfsFile(CpioEntry entry, int segment, CpioReader reader)
    {
        Entry = entry;
        Segment = segment;
        this.reader = reader;
    }

    /// <summary>Name, mode, size and so on.</summary>
    public CpioEntry Entry { get; }

    /// <summary>Number of the segment that it is in, from zero.</summary>
    public int Segment { get; }

    /// <summary>Name without leading "./".</summary>
    public string Path => Entry.Path;

    /// <summary>Reads the content; only before the next entry is asked for.</summary>
    /// <param name="limit">Longer content ends in ARC011.</param>
    public byte[] ReadAll(long limit) => reader.ReadAllContent(limit);

    /// <summary>Reads a part of the content; only before the next entry is asked for.</summary>
    /// <returns>Bytes read; zero at the end.</returns>
    public int Read(Span<byte> buffer) => reader.ReadContent(buffer);
}
