using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>Compares two disks byte for byte on all processors. Where one of them is longer, the other counts as zero.</summary>
public static class DiskComparison
{
    /// <summary>How many ranges are listed.</summary>
    public const int RangeLimit = 1000;

    private const int Sector = 512;

    /// <summary>Compares.</summary>
    /// <param name="left">One disk.</param>
    /// <param name="right">The other.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="progress">Told about ten times a second; null for nobody.</param>
    /// <param name="cancellationToken">Stops the comparison.</param>
    /// <exception cref="DiagnosticException">One of them is damaged or unreadable.</exception>
    public static DiskDifference Run(IBlockDevice left, IBlockDevice right, int workers, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        var ranges = RangeSet.Normalize(DataRuns.Of(left).Concat(DataRuns.Of(right)));
        var meter = new ProgressMeter(progress, TimeProvider.System, ranges.Sum(range => range.Length));
        var found = new Collector();
        var plan = DataRuns.Cut(ranges, DiskCopy.PieceSize).Select(range => new Piece.Plan(range, IsZero: false));
        PieceCrew.Run(plan, workers, piece =>
        {
            Read(left, piece.Range.Offset, piece.Content);
            Read(right, piece.Range.Offset, piece.SecondContent);
            piece.IsZero = piece.Content.SequenceEqual(piece.SecondContent);
            meter.Add(piece.Range.Length);
        }, piece =>
        {
            if (!piece.IsZero)
            {
                found.Add(piece);
            }
        }, cancellationToken);
        return found.Complete();
    }

    private static void Read(IBlockDevice device, long offset, Span<byte> buffer)
    {
        var present = (int)Math.Clamp(device.Length - offset, 0, buffer.Length);
        device.Read(new GuestOffset(Math.Min(offset, device.Length)), buffer[..present]);
        buffer[present..].Clear();
    }

    /// <summary>Counts what differs; fed in order.</summary>
    private sealed class Collector
    {
        private readonly ImmutableArray<ByteRange>.Builder _ranges = ImmutableArray.CreateBuilder<ByteRange>();
        private ByteRange? _last;
        private long _count;
        private long _bytes;
        private long? _first;

        public void Add(Piece piece)
        {
            ReadOnlySpan<byte> left = piece.Content;
            ReadOnlySpan<byte> right = piece.SecondContent;
            for (var at = 0; at < left.Length;)
            {
                at += left[at..].CommonPrefixLength(right[at..]);
                if (at == left.Length)
                {
                    return;
                }

                _first ??= piece.Range.Offset + at;
                var start = at / Sector * Sector;
                var end = Math.Min(left.Length, start + Sector);
                _bytes += CountDifferent(left[start..end], right[start..end]);
                AddRange(new ByteRange(piece.Range.Offset + start, end - start));
                at = end;
            }
        }

        public DiskDifference Complete()
        {
            if (_last is { } last && _count <= RangeLimit)
            {
                _ranges.Add(last);
            }

            return new DiskDifference(_bytes, _first, _ranges.ToImmutable(), _count);
        }

        private void AddRange(ByteRange range)
        {
            if (_last is { } last && last.End == range.Offset)
            {
                _last = last with { Length = last.Length + range.Length };
                return;
            }

            if (_last is { } done && _count <= RangeLimit)
            {
                _ranges.Add(done);
            }

            _last = range;
            _count++;
        }

        private static int CountDifferent(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
        {
            var a = MemoryMarshal.Cast<byte, Vector<byte>>(left);
            var b = MemoryMarshal.Cast<byte, Vector<byte>>(right);
            var equal = 0;
            for (var i = 0; i < a.Length; i++)
            {
                // Equal bytes compare as 255, which counts as one when it is taken away from zero.
                equal += Vector.Sum(Vector.Negate(Vector.AsVectorSByte(Vector.Equals(a[i], b[i]))));
            }

            var vectorBytes = a.Length * Vector<byte>.Count;
            for (var i = vectorBytes; i < left.Length; i++)
            {
                equal += left[i] == right[i] ? 1 : 0;
            }

            return left.Length - equal;
        }
    }
}

/// <summary>How two disks differ.</summary>
/// <param name="DifferentBytes">Bytes that differ.</param>
/// <param name="FirstDifference">Offset of the first; null when none does.</param>
/// <param name="Ranges">Stretches with differences, in sectors of 512 bytes; at most <see cref="DiskComparison.RangeLimit"/>.</param>
/// <param name="RangeCount">How many there are.</param>
public sealed record DiskDifference(long DifferentBytes, long? FirstDifference, ImmutableArray<ByteRange> Ranges, long RangeCount);
