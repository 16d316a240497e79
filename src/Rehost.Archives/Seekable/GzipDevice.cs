using Rehost.Blocks;

namespace Rehost.Archives.Seekable;

/// <summary>
/// A gzip file as random-access content. The first pass verifies it and notes places to go on from: every few megabytes a bit position and the 32 KiB
/// before it. Their number is limited; when there are too many, every second one is dropped. A reader that goes forward is served by a decoder that goes with it.
/// </summary>
public sealed class GzipDevice : GrowingDevice
{
    private const int PointLimit = 1024; // 32 MiB of windows
    private const int CachedPieces = 24;
    private const int RunLimit = 4;

    private readonly List<GzipRestartPoint> _points = [];
    private readonly List<GzipRun> _runs = [];
    private readonly PieceCache _cache = new(CachedPieces);
    private readonly GzipRun _first;
    private readonly byte[] _current = new byte[PieceSize];
    private long _spacing = 2 << 20;

    /// <summary>Opens a file; nothing is read before <see cref="Grow"/>.</summary>
    /// <param name="file">The compressed file.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="ownsFile">Whether the file is disposed with this device.</param>
    public GzipDevice(IBlockDevice file, string name, bool ownsFile)
        : base(file, name, ownsFile)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        _first = new GzipRun(file, name);
    }

    /// <inheritdoc/>
    public override long CompressedPosition => _first.CompressedPosition;

    /// <inheritdoc/>
    public override bool Grow(long length, CancellationToken cancellationToken)
    {
        lock (Gate)
        {
            while (Length < length && !IsComplete)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Mark();
                var within = (int)(Length % PieceSize);
                var chunk = _first.Next(PieceSize - within);
                IsComplete = chunk.IsEmpty;
                chunk.CopyTo(_current.AsSpan(within));
                Length += chunk.Length;
                if (!IsComplete && Length % PieceSize == 0)
                {
                    Keep((Length / PieceSize) - 1, _current);
                }
            }

            return Length >= length;
        }
    }

    private protected override void ReadPiece(long piece, int within, Span<byte> buffer)
    {
        lock (Gate)
        {
            if (piece == Length / PieceSize)
            {
                _current.AsSpan(within, buffer.Length).CopyTo(buffer);
                return;
            }

            (_cache.Find(piece) ?? Decode(piece)).AsSpan(within, buffer.Length).CopyTo(buffer);
        }
    }

    private byte[] Decode(long piece)
    {
        var start = piece * PieceSize;
        var run = FindRun(start);
        var content = new byte[PieceSize];
        while (run.Position < start + PieceSize)
        {
            var at = run.Position;
            var chunk = run.Next(at < start ? start - at : start + PieceSize - at);
            if (chunk.IsEmpty)
            {
                throw ArchiveDiagnostics.Corrupt.ToException($"the content ends at {at}, it went on when it was read first", Name);
            }

            if (at >= start)
            {
                chunk.CopyTo(content.AsSpan((int)(at - start)));
            }
        }

        _cache.Add(piece, content);
        return content;
    }

    /// <summary>The decoder that reaches a place with the least work; it stands at or before it.</summary>
    private GzipRun FindRun(long start)
    {
        var point = _points.FindLast(candidate => candidate.Position <= start);
        var run = _runs.Where(candidate => candidate.Position <= start && candidate.Position >= (point?.Position ?? 0)).MaxBy(candidate => candidate.Position);
        if (run is null)
        {
            run = point is null ? new GzipRun(File, Name) : new GzipRun(File, Name, point);
            if (_runs.Count == RunLimit)
            {
                _runs.RemoveAt(0);
            }
        }
        else
        {
            _runs.Remove(run);
        }

        _runs.Add(run);
        return run;
    }

    private void Mark()
    {
        var last = _points.Count == 0 ? 0 : _points[^1].Position;
        _first.WantsPoint = Length - last >= _spacing;
        if (!_first.WantsPoint || _first.TryMark() is not { } point)
        {
            return;
        }

        _points.Add(point);
        if (_points.Count > PointLimit)
        {
            for (var i = _points.Count - 1; i > 0; i -= 2)
            {
                _points.RemoveAt(i);
            }

            _spacing *= 2;
        }
    }

    private void Keep(long piece, ReadOnlySpan<byte> content)
    {
        var isZero = !content.ContainsAnyExcept((byte)0);
        Pieces.Add(piece, isZero);
        if (!isZero)
        {
            _cache.Add(piece, content);
        }
    }
}
