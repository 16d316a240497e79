using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>Proves that a target is what was written, and that it equals the source everywhere outside of the ranges that were changed or left out on purpose.</summary>
public static class DeltaProof
{
    private const int PieceSize = 1 << 20;
    private const int FineSize = 4096;
    private const int Threads = 2;

    /// <summary>Compares target, manifest and source.</summary>
    /// <param name="source">The source; null proves the target against the manifest only.</param>
    /// <param name="target">The target as its readers see it.</param>
    /// <param name="manifest">What was written.</param>
    /// <param name="progress">Told about ten times a second; null for nobody.</param>
    /// <param name="time">Clock for the progress; null for the system's.</param>
    /// <param name="cancellationToken">Stops the proof.</param>
    /// <exception cref="DiagnosticException">The manifest is not of these disks (TRF003), or one of them cannot be read.</exception>
    public static DeltaProofReport Run(
        IBlockDevice? source, IBlockDevice target, BlockManifest manifest, IProgress<TransferProgress>? progress = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(manifest);
        CheckLengths(source, target, manifest);
        var planned = RangeSet.Normalize(manifest.ChangedRanges.Concat(manifest.FreedRanges));
        var pieces = DataRuns.Cut(RangesToRead(source, target, manifest), PieceSize).ToList();
        var meter = new ProgressMeter(progress, time ?? TimeProvider.System, pieces.Sum(piece => piece.Length));
        var found = new List<DeltaMismatch>();
        var gate = new Lock();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Threads, CancellationToken = cancellationToken };
        try
        {
            Parallel.ForEach(pieces, options, () => (Target: new byte[PieceSize], Source: new byte[PieceSize]), (piece, _, buffers) =>
            {
                // Where nearly everything differs, coarse places will do, and keep the list in memory.
                var fineSize = found.Count < DeltaProofReport.MismatchLimit ? FineSize : PieceSize;
                var mismatches = Check(source, target, manifest, planned, piece, buffers.Target, buffers.Source, fineSize);
                if (mismatches.Count > 0)
                {
                    lock (gate)
                    {
                        found.AddRange(mismatches);
                    }
                }

                meter.Add(piece.Length);
                return buffers;
            }, _ => { });
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<DiagnosticException>().FirstOrDefault() is { } diagnostic)
        {
            // Two workers may fail over the same damage; one message is enough.
            throw new DiagnosticException(diagnostic.Diagnostic, e);
        }

        var joined = Join(found);
        return new DeltaProofReport(
            pieces.Sum(piece => piece.Length),
            source is null ? 0 : manifest.Mapping.Sum(mapped => Unchanged(mapped, planned).Sum(range => range.Length)),
            manifest.ChangedRanges.Sum(range => range.Length),
            manifest.FreedRanges.Sum(range => range.Length),
            [.. joined.Take(DeltaProofReport.MismatchLimit)],
            joined.Count)
        {
            IsSourceAsItWas = source is null || manifest.SourceRoot.IsEmpty ? null : HasSourceRoot(source, manifest, joined, cancellationToken),
        };
    }

    // Blocks in which target and source agree have the target's hashes as the manifest has them, if the target is what was written; all others are read again.
    private static bool HasSourceRoot(IBlockDevice source, BlockManifest manifest, List<DeltaMismatch> found, CancellationToken cancellationToken)
    {
        var others = found.SelectMany(mismatch => Enumerable.Range(0, (int)Math.Min(int.MaxValue, ((mismatch.Range.End - 1) / BlockManifest.BlockSize) - (mismatch.Range.Offset / BlockManifest.BlockSize) + 1))
            .Select(index => (mismatch.Range.Offset / BlockManifest.BlockSize) + index));
        return new SourceTree(source, manifest.Length, manifest.Mapping, manifest.ChangedRanges, manifest.FreedRanges).Root(manifest.Hashes, others, cancellationToken).AsSpan().SequenceEqual(manifest.SourceRoot.AsSpan());
    }

    private static void CheckLengths(IBlockDevice? source, IBlockDevice target, BlockManifest manifest)
    {
        if (target.Length != manifest.Length)
        {
            throw TransferDiagnostics.OtherDisk.ToException($"the target has {target.Length} bytes, the manifest is of a disk of {manifest.Length}");
        }

        var needed = manifest.Mapping.Select(mapped => mapped.SourceOffset + mapped.Length).DefaultIfEmpty().Max();
        if (source is not null && source.Length < needed)
        {
            throw TransferDiagnostics.OtherDisk.ToException($"the source has {source.Length} bytes, the manifest tells of {needed}");
        }
    }

    /// <summary>Where the target, the manifest or the source has data. Everywhere else all three are known to be zero.</summary>
    private static ImmutableArray<ByteRange> RangesToRead(IBlockDevice? source, IBlockDevice target, BlockManifest manifest)
    {
        var ranges = DataRuns.Of(target).ToList();
        ranges.AddRange(manifest.Hashes.Runs.Where(run => !run.IsZero)
            .Select(run => new ByteRange(run.First * BlockManifest.BlockSize, Math.Min(manifest.Length, (run.First + run.Count) * BlockManifest.BlockSize) - (run.First * BlockManifest.BlockSize))));
        foreach (var mapped in source is null ? [] : manifest.Mapping)
        {
            var shift = mapped.TargetOffset - mapped.SourceOffset;
            var extents = source?.GetExtents(new GuestOffset(mapped.SourceOffset), mapped.Length) ?? [];
            var data = extents.Where(extent => extent.Kind == ExtentKind.Data).SelectMany(extent => RangeSet.Subtract(new ByteRange(extent.Offset + shift, extent.Length), manifest.FreedRanges));
            ranges.AddRange(DataRuns.Round(data, manifest.Length));
        }

        return RangeSet.Normalize(ranges);
    }

    private static List<DeltaMismatch> Check(IBlockDevice? source, IBlockDevice target, BlockManifest manifest, ImmutableArray<ByteRange> planned, ByteRange piece, byte[] targetBuffer, byte[] sourceBuffer, int fineSize)
    {
        var mismatches = new List<DeltaMismatch>();
        var content = targetBuffer.AsSpan(0, (int)piece.Length);
        target.Read(new GuestOffset(piece.Offset), content);
        var hashes = BlockHasher.Hash(content);
        for (var i = 0; i < hashes.Length / BlockManifest.HashSize; i++)
        {
            var block = (piece.Offset / BlockManifest.BlockSize) + i;
            if (!hashes.AsSpan(i * BlockManifest.HashSize, BlockManifest.HashSize).SequenceEqual(manifest.HashOf(block)))
            {
                mismatches.Add(new DeltaMismatch(DeltaMismatchKind.TargetDiffersFromManifest, new ByteRange(block * BlockManifest.BlockSize, manifest.LengthOf(block))));
            }
        }

        // The hashes say so too, unless they were made of what should not have been copied.
        foreach (var freed in RangeSet.Within(piece, manifest.FreedRanges))
        {
            var empty = content.Slice((int)(freed.Offset - piece.Offset), (int)freed.Length);
            if (empty.IndexOfAnyExcept((byte)0) is >= 0 and var first)
            {
                mismatches.Add(new DeltaMismatch(DeltaMismatchKind.FreedIsNotZero, new ByteRange(freed.Offset + first, empty.LastIndexOfAnyExcept((byte)0) - first + 1)));
            }
        }

        if (source is null)
        {
            return mismatches;
        }

        foreach (var mapped in manifest.Mapping.Select(mapped => mapped.Within(piece)).Where(mapped => mapped.Length > 0))
        {
            foreach (var range in Unchanged(mapped, planned))
            {
                var original = sourceBuffer.AsSpan(0, (int)range.Length);
                source.Read(new GuestOffset(mapped.Within(range).SourceOffset), original);
                AddDifferences(mismatches, range, original, content.Slice((int)(range.Offset - piece.Offset), (int)range.Length), fineSize);
            }
        }

        return mismatches;
    }

    private static IEnumerable<ByteRange> Unchanged(MappedRange mapped, ImmutableArray<ByteRange> planned)
        => RangeSet.Subtract(new ByteRange(mapped.TargetOffset, mapped.Length), planned);

    // Block by block, so that what two distant bytes belong to can be told apart.
    private static void AddDifferences(List<DeltaMismatch> mismatches, ByteRange range, ReadOnlySpan<byte> original, ReadOnlySpan<byte> found, int fineSize)
    {
        if (original.SequenceEqual(found))
        {
            return;
        }

        for (var at = 0; at < original.Length;)
        {
            var count = (int)Math.Min(original.Length - at, fineSize - ((range.Offset + at) % fineSize));
            if (Difference(original.Slice(at, count), found.Slice(at, count)) is { } difference)
            {
                mismatches.Add(new DeltaMismatch(DeltaMismatchKind.TargetDiffersFromSource, new ByteRange(range.Offset + at + difference.Offset, difference.Length)));
            }

            at += count;
        }
    }

    private static ByteRange? Difference(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var first = left.CommonPrefixLength(right);
        if (first == left.Length)
        {
            return null;
        }

        var last = left.Length - 1;
        while (left[last] == right[last])
        {
            last--;
        }

        return new ByteRange(first, last - first + 1);
    }

    private static List<DeltaMismatch> Join(List<DeltaMismatch> found)
    {
        var joined = new List<DeltaMismatch>();
        foreach (var kind in found.GroupBy(mismatch => mismatch.Kind).OrderBy(group => group.Key))
        {
            joined.AddRange(RangeSet.Normalize(kind.Select(mismatch => mismatch.Range)).Select(range => new DeltaMismatch(kind.Key, range)));
        }

        return joined;
    }
}
