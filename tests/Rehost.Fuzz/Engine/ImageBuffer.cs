using System.Collections;

namespace Rehost.Fuzz.Engine;

/// <summary>
/// The bytes that one execution works on. A large sample is copied once; after that only the pages that a mutation or an edit touched are put back.
/// </summary>
internal sealed class ImageBuffer
{
    public const int PageSize = 4096;

    /// <summary>Samples above this keep their length and are restored page by page.</summary>
    public const int LargeFrom = 256 << 10;
    private byte[]? _source;
    private BitArray _dirty = new(0);
    private readonly List<int> _pages = [];

    /// <summary>The bytes; of them <see cref="Length"/> count.</summary>
    public byte[] Bytes { get; private set; } = [];

    /// <summary>Bytes that count.</summary>
    public int Length { get; private set; }

    public Span<byte> Span => Bytes.AsSpan(0, Length);

    public bool IsLarge => Bytes.Length >= LargeFrom;

    /// <summary>Pages that differ from the sample.</summary>
    public IReadOnlyList<int> DirtyPages => _pages;

    public void Load(byte[] source)
    {
        if (source.Length < LargeFrom)
        {
            _source = null;
            Replace((byte[])source.Clone());
            return;
        }

        if (!ReferenceEquals(source, _source))
        {
            (_source, Bytes) = (source, (byte[])source.Clone());
            _dirty = new BitArray((source.Length + PageSize - 1) / PageSize);
        }
        else
        {
            foreach (var page in _pages)
            {
                var at = page * PageSize;
                source.AsSpan(at, Math.Min(PageSize, source.Length - at)).CopyTo(Bytes.AsSpan(at));
                _dirty[page] = false;
            }
        }

        _pages.Clear();
        Length = source.Length;
    }

    /// <summary>Takes another array as the content.</summary>
    public void Replace(byte[] content)
    {
        (_source, Bytes, Length) = (null, content, content.Length);
        _pages.Clear();
        _dirty = new BitArray((content.Length + PageSize - 1) / PageSize);
    }

    public void Cut(int length) => Length = Math.Clamp(length, 0, Length);

    /// <summary>Says that a range was, or is about to be, changed.</summary>
    public void Mark(int offset, int length)
    {
        for (var page = offset / PageSize; length > 0 && page <= (offset + length - 1) / PageSize && page < _dirty.Length; page++)
        {
            if (!_dirty[page])
            {
                _dirty[page] = true;
                _pages.Add(page);
            }
        }
    }

    /// <summary>A range to be changed.</summary>
    public Span<byte> Change(int offset, int length)
    {
        Mark(offset, length);
        return Bytes.AsSpan(offset, length);
    }

    public byte[] ToArray() => Span.ToArray();
}
