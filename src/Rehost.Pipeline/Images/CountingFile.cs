using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>A file that keeps nothing but how large it would be.</summary>
internal sealed class CountingFile(string name) : IImageFile
{
    private const int HostBlock = 4096;
    private readonly Lock _gate = new();
    private readonly List<ByteRange> _runs = []; // in order, not touching

    public string Name => name;

    public long Length { get; private set; }

    /// <summary>Bytes in blocks of the host's file system.</summary>
    public long StoredBytes => _runs.Sum(run => run.Length);

    public void Write(FileOffset offset, ReadOnlySpan<byte> data) => Reserve(offset, data.Length);

    public void SetLength(long length)
    {
        lock (_gate)
        {
            Length = length;
        }
    }

    public void Reserve(FileOffset offset, long length)
    {
        if (length == 0)
        {
            return;
        }

        var start = offset.Value / HostBlock * HostBlock;
        var end = (offset.Value + length + HostBlock - 1) / HostBlock * HostBlock;
        lock (_gate)
        {
            Length = Math.Max(Length, offset.Value + length);

            // Writers go forward: the place is nearly always at the end.
            var at = _runs.Count;
            while (at > 0 && _runs[at - 1].Offset > start)
            {
                at--;
            }

            if (at > 0 && _runs[at - 1].End >= start)
            {
                at--;
                start = _runs[at].Offset;
            }

            var count = 0;
            while (at + count < _runs.Count && _runs[at + count].Offset <= end)
            {
                end = Math.Max(end, _runs[at + count].End);
                count++;
            }

            if (count == 1)
            {
                _runs[at] = new ByteRange(start, end - start);
                return;
            }

            _runs.RemoveRange(at, count);
            _runs.Insert(at, new ByteRange(start, end - start));
        }
    }

    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

    public void Flush()
    {
    }

    public void Dispose()
    {
    }
}
