using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// Writes a disk in one pass and notes the hash of each block on the way. Three stages share a fixed set of buffers: one thread reads ahead (and with
/// that verifies the source's checksums), the thread pool hashes, the caller's thread writes in order. Holes are neither read nor written.
/// </summary>
public static class DiskCopy
{
    private const int PieceSize = 1 << 20; // a chunk of an XVA, so that whole chunks are read and verified in place
    private const int PiecesUnderWay = 16;

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
        var length = request.Content.Length;
        ArgumentOutOfRangeException.ThrowIfNotEqual(request.Target.Length, length, nameof(request));
        var changed = RangeSet.Normalize(request.ChangedRanges);
        var total = DataRuns.Of(request.Content).Sum(range => range.Length);
        var meter = new ProgressMeter(progress, time ?? TimeProvider.System, total);
        var hashes = new BlockHashes();
        using (var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        using (var queue = new BlockingCollection<Piece>(PiecesUnderWay))
        {
            var pool = new ConcurrentBag<byte[]>();
            var reader = Task.Factory.StartNew(() => ReadAhead(request.Content, queue, pool, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            try
            {
                foreach (var piece in queue.GetConsumingEnumerable(cancellationToken))
                {
                    PutZeros(request, hashes, piece.Range.Offset);
                    PutData(request, changed, piece);
                    AddHashes(hashes, piece);
                    pool.Add(piece.Buffer);
                    meter.Add(piece.Range.Length);
                }

                reader.GetAwaiter().GetResult();
                PutZeros(request, hashes, length);
            }
            finally
            {
                Stop(reader, stop);
            }
        }

        request.Target.Complete(cancellationToken);
        return new BlockManifest(length, hashes, request.Mapping, changed);
    }

    private static void ReadAhead(IBlockDevice content, BlockingCollection<Piece> queue, ConcurrentBag<byte[]> pool, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var range in DataRuns.Cut(DataRuns.Of(content), PieceSize))
            {
                var buffer = pool.TryTake(out var spare) ? spare : new byte[PieceSize];
                content.Read(new GuestOffset(range.Offset), buffer.AsSpan(0, (int)range.Length));
                queue.Add(new Piece(range, buffer), cancellationToken);
            }
        }
        finally
        {
            queue.CompleteAdding();
        }
    }

    /// <summary>Leaves zero what lies between the last piece and the next one.</summary>
    private static void PutZeros(DiskCopyRequest request, BlockHashes hashes, long end)
    {
        var position = Math.Min(hashes.Count * BlockManifest.BlockSize, request.Content.Length);
        if (position >= end)
        {
            return;
        }

        request.Target.WriteZeros(new GuestOffset(position), end - position);
        hashes.AddZeros((end - position) / BlockManifest.BlockSize);
        if ((end - position) % BlockManifest.BlockSize is var rest and not 0)
        {
            hashes.Add(SHA256.HashData(new byte[rest]));
        }
    }

    private static void PutData(DiskCopyRequest request, ImmutableArray<ByteRange> changed, Piece piece)
    {
        var isShared = request.Source is FileDevice file
            && request.Mapping.FirstOrDefault(mapped => mapped.TargetOffset <= piece.Range.Offset && mapped.TargetEnd >= piece.Range.End) is { Length: > 0 } origin
            && !RangeSet.Touches(changed, piece.Range)
            && request.Target.TryShare(file, new FileOffset(origin.Within(piece.Range).SourceOffset), new GuestOffset(piece.Range.Offset), piece.Range.Length);
        if (!isShared)
        {
            request.Target.Write(new GuestOffset(piece.Range.Offset), piece.Content);
        }
    }

    private static void AddHashes(BlockHashes hashes, Piece piece)
    {
        var digests = piece.Hashes.GetAwaiter().GetResult();
        for (var at = 0; at < digests.Length; at += BlockManifest.HashSize)
        {
            hashes.Add(digests.AsSpan(at, BlockManifest.HashSize));
        }
    }

    private static void Stop(Task reader, CancellationTokenSource stop)
    {
        stop.Cancel();
        try
        {
            reader.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is OperationCanceledException or DiagnosticException)
        {
            // Told by the loop above already, or of no interest after another failure.
        }
    }

    /// <summary>A piece on its way from the reader to the writer; hashing starts at once.</summary>
    private sealed class Piece
    {
        public Piece(ByteRange range, byte[] buffer)
        {
            Range = range;
            Buffer = buffer;
            Hashes = Task.Run(() => BlockHasher.Hash(Content));
        }

        public ByteRange Range { get; }

        public byte[] Buffer { get; }

        public Task<byte[]> Hashes { get; }

        public ReadOnlySpan<byte> Content => Buffer.AsSpan(0, (int)Range.Length);
    }
}
