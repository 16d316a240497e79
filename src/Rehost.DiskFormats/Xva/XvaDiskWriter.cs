using Rehost.Blocks;

namespace Rehost.DiskFormats.Xva;

/// <summary>One disk on its way into an archive: content is collected into chunks.</summary>
internal sealed class XvaDiskWriter(XvaWriter archive, string id, long length, string where) : IImageWriter
{
    private readonly byte[] _chunk = new byte[XvaWriter.ChunkSize];
    private long _next; // number of the chunk that is being collected
    private int _fill;

    public long Length => length;

    /// <summary>Whether the last chunk was written.</summary>
    public bool IsComplete { get; private set; }

    private long ChunkCount => (length + XvaWriter.ChunkSize - 1) / XvaWriter.ChunkSize;

    private int CurrentLength => (int)Math.Min(XvaWriter.ChunkSize, length - (_next * XvaWriter.ChunkSize));

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Advance(offset, data.Length);
        while (!data.IsEmpty)
        {
            if (_fill == 0 && data.Length >= CurrentLength)
            {
                var whole = data[..CurrentLength];
                data = data[whole.Length..];
                Put(whole);
                continue;
            }

            var count = Math.Min(data.Length, CurrentLength - _fill);
            data[..count].CopyTo(_chunk.AsSpan(_fill));
            _fill += count;
            data = data[count..];
            PutIfFull();
        }
    }

    public void WriteZeros(GuestOffset offset, long count) => Advance(offset, count);

    public void Complete(CancellationToken cancellationToken)
    {
        FillTo(length, cancellationToken);
        IsComplete = true;
    }

    public void Dispose()
    {
    }

    private void Advance(GuestOffset offset, long count)
    {
        BlockDiagnostics.CheckRange(offset, count, length, where);
        ArgumentOutOfRangeException.ThrowIfLessThan(offset.Value, (_next * XvaWriter.ChunkSize) + _fill, nameof(offset));
        FillTo(offset.Value, CancellationToken.None);
    }

    /// <summary>What nobody wrote is zero.</summary>
    private void FillTo(long end, CancellationToken cancellationToken)
    {
        while ((_next * XvaWriter.ChunkSize) + _fill < end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (_fill == 0 && CanSkip() && end - (_next * XvaWriter.ChunkSize) >= XvaWriter.ChunkSize)
            {
                _next = Math.Min(end / XvaWriter.ChunkSize, ChunkCount - 1);
                continue;
            }

            var count = (int)Math.Min(CurrentLength - _fill, end - ((_next * XvaWriter.ChunkSize) + _fill));
            _chunk.AsSpan(_fill, count).Clear();
            _fill += count;
            PutIfFull();
        }
    }

    private bool CanSkip() => _next > 0 && _next < ChunkCount - 1 && archive.CanSkip;

    private void PutIfFull()
    {
        if (_fill == CurrentLength)
        {
            _fill = 0;
            Put(_chunk.AsSpan(0, CurrentLength));
        }
    }

    private void Put(ReadOnlySpan<byte> chunk)
    {
        if (!CanSkip() || chunk.ContainsAnyExcept((byte)0))
        {
            archive.WriteChunk(id, _next, chunk);
        }

        _next++;
    }
}
