using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>Writes a disk in one pass: a conversion's, with the hash of each block for its manifest, or an image's alone. Holes are neither read nor written.</summary>
public static class DiskCopy
{
    /// <summary>
    /// Bytes of a piece. A chunk of an XVA, so that whole chunks are read and verified in place; small enough that a piece is still in the processor's
    /// cache when it is hashed or written after it was read; and large enough that what is done once per piece does not count.
    /// </summary>
    internal const int PieceSize = 1 << 20;

    /// <summary>Copies one disk and completes its image. Committing the file is left to the caller, who may have more to finish first.</summary>
    /// <param name="request">What to copy.</param>
    /// <param name="progress">Told about ten times a second; null for nobody.</param>
    /// <param name="time">Clock for the progress; null for the system's.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="DiagnosticException">The source is damaged or unreadable, or the target cannot take it.</exception>
    public static BlockManifest Run(DiskCopyRequest request, IProgress<TransferProgress>? progress = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var hashes = new BlockHashes();
        Copy(request, piece => hashes.Add(piece), progress, time, cancellationToken);
        request.Target.Complete(cancellationToken);
        var freed = RangeSet.Normalize(request.FreedRanges);
        var changed = RangeSet.Normalize(request.ChangedRanges).SelectMany(range => RangeSet.Subtract(range, freed)).ToImmutableArray();
        var sourceRoot = request.Source is { } source ? new SourceTree(source, request.Content.Length, request.Mapping, changed, freed).Root(hashes, [], cancellationToken) : [];
        return new BlockManifest(request.Content.Length, hashes, request.Mapping, changed, freed, [.. sourceRoot], request.Touched);
    }

    /// <summary>Copies one disk and completes its image, without a manifest: large disks need no more memory than small ones.</summary>
    /// <param name="request">What to copy.</param>
    /// <param name="digest">Whether to hash what is copied, to compare the image with later.</param>
    /// <param name="progress">Told about ten times a second; null for nobody.</param>
    /// <param name="time">Clock for the progress; null for the system's.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    /// <returns>The digest of the content; null when none was wanted.</returns>
    /// <exception cref="DiagnosticException">The source is damaged or unreadable, or the target cannot take it.</exception>
    public static ContentDigest? RunPlain(
        DiskCopyRequest request, bool digest = false, IProgress<TransferProgress>? progress = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var builder = digest ? new ContentDigest.Builder() : null;
        Copy(request, builder is null ? null : builder.Add, progress, time, cancellationToken);
        request.Target.Complete(cancellationToken);
        return builder?.Complete();
    }

    private static void Copy(DiskCopyRequest request, Action<Piece>? addHashes, IProgress<TransferProgress>? progress, TimeProvider? time, CancellationToken cancellationToken)
    {
        var (content, target) = (request.Content, request.Target);
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, content.Length, nameof(request));

        // Counting what will be read walks through all tables: only for somebody who looks.
        var total = progress is null ? 0 : DataRuns.Of(content).Sum(range => range.Length);
        var meter = new ProgressMeter(progress, time ?? TimeProvider.System, total);
        var sharing = new BlockSharing(content, target);
        var durableEnd = request.Journal?.DurableEnd ?? 0;

        void Read(Piece piece)
        {
            content.Read(new GuestOffset(piece.Range.Offset), piece.Content);
            piece.IsRead = true;
        }

        void Work(Piece piece)
        {
            piece.Sum = 0;
            if (piece.IsZero)
            {
                return;
            }

            // Who need not hash need not read what is shared either.
            piece.IsRead = false;
            if (addHashes is not null || !sharing.IsLikely(piece.Range))
            {
                Read(piece);
            }

            if (addHashes is not null)
            {
                BlockHasher.Hash(piece);
            }

            if (piece.IsRead && request.Journal is { WantsSums: true })
            {
                piece.Sum = ContentSum.Of(piece.Range.Offset, piece.Content);
            }

            meter.Add(piece.Range.Length);
        }

        void Write(Piece piece)
        {
            if (piece.IsZero)
            {
                target.WriteZeros(new GuestOffset(piece.Range.Offset), piece.Range.Length);
            }
            else if (!sharing.TryShare(piece.Range))
            {
                if (!piece.IsRead)
                {
                    Read(piece);
                    piece.Sum = request.Journal is { WantsSums: true } ? ContentSum.Of(piece.Range.Offset, piece.Content) : 0;
                }

                target.Write(new GuestOffset(piece.Range.Offset), piece.Content);
            }
        }

        void HandOver(Piece piece)
        {
            if (piece.Range.End > durableEnd) // what lies before, an earlier run wrote
            {
                Write(piece);
            }

            addHashes?.Invoke(piece);
            request.Journal?.Reached(piece.Range.End, piece.Sum);
        }

        // What an earlier run wrote is left out, but not where it must be hashed. One thread writes at a time while the others read and decode: two that
        // write one file wait for each other in the kernel, and burn a processor while they do.
        var plan = DataRuns.Plan(content, PieceSize, addHashes is null ? durableEnd : 0);
        PieceCrew.Run(plan, request.Workers, Work, HandOver, cancellationToken);
        if (target.Length > content.Length)
        {
            // A format that counts in larger units than the disk's.
            target.WriteZeros(new GuestOffset(content.Length), target.Length - content.Length);
        }
    }
}
