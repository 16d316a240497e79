namespace Rehost.Fuzz.Engine;

/// <summary>An input worth mutating: a sample, or what a mutation made of one and did something new. Of a large one only the changed pages are kept.</summary>
internal sealed class CorpusEntry
{
    private readonly byte[] _base;
    private readonly (int Page, byte[] Content)[] _pages;
    private readonly int _length;

    public CorpusEntry(byte[] content) => (_base, _pages, _length) = (content, [], content.Length);

    private CorpusEntry(byte[] below, (int Page, byte[] Content)[] pages, int length) => (_base, _pages, _length) = (below, pages, length);

    /// <summary>The sample that it comes from; hot places are known by sample.</summary>
    public byte[] Base => _base;

    public int Length => _length;

    /// <summary>What a mutation made.</summary>
    /// <param name="from">What was mutated.</param>
    /// <param name="mutated">The content, before anything was executed on it.</param>
    public static CorpusEntry Of(CorpusEntry from, ImageBuffer mutated) => mutated.IsLarge && mutated.Bytes.Length == from._base.Length
        ? new CorpusEntry(from._base, [.. mutated.DirtyPages.Select(page => (page, mutated.Bytes.AsSpan(page * ImageBuffer.PageSize, Math.Min(ImageBuffer.PageSize, mutated.Bytes.Length - (page * ImageBuffer.PageSize))).ToArray()))], mutated.Length)
        : new CorpusEntry(mutated.ToArray());

    public void LoadInto(ImageBuffer buffer)
    {
        buffer.Load(_base);
        foreach (var (page, content) in _pages)
        {
            content.CopyTo(buffer.Change(page * ImageBuffer.PageSize, content.Length));
        }

        buffer.Cut(_length);
    }

    public byte[] ToArray()
    {
        var buffer = new ImageBuffer();
        LoadInto(buffer);
        return buffer.ToArray();
    }
}
