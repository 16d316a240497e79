using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// What a disk holds, in 32 bytes for each 64 MiB: enough to prove that an image holds what was copied, and to say roughly where it does not, in a
/// memory that does not grow as a manifest's does. A group's hash is the SHA-256 of the SHA-256 of its blocks, so that blocks can be hashed in parallel.
/// </summary>
public sealed class ContentDigest
{
    /// <summary>Bytes that one hash stands for.</summary>
    public const long GroupSize = 64L << 20;

    private readonly ImmutableArray<byte[]?> _groups;

    private ContentDigest(long length, ImmutableArray<byte[]?> groups)
    {
        Length = length;
        _groups = groups;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var zeroGroup = Builder.HashOfZeroGroup;
        foreach (var group in groups)
        {
            hash.AppendData(group ?? zeroGroup);
        }

        Root = [.. hash.GetHashAndReset()];
    }

    /// <summary>Bytes of the disk.</summary>
    public long Length { get; }

    /// <summary>One hash of everything.</summary>
    public ImmutableArray<byte> Root { get; }

    /// <summary>Reads a disk on all processors and makes its digest.</summary>
    /// <param name="device">The disk.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="progress">Told about ten times a second; null for nobody.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="DiagnosticException">The disk is damaged or unreadable.</exception>
    public static ContentDigest Of(IBlockDevice device, int workers, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(device);
        var meter = new ProgressMeter(progress, TimeProvider.System, progress is null ? 0 : DataRuns.Of(device).Sum(range => range.Length));
        var builder = new Builder();
        PieceCrew.Run(DataRuns.Plan(device, DiskCopy.PieceSize), workers, piece =>
        {
            if (!piece.IsZero)
            {
                device.Read(new GuestOffset(piece.Range.Offset), piece.Content);
                BlockHasher.Hash(piece);
                meter.Add(piece.Range.Length);
            }
        }, builder.Add, cancellationToken);
        return builder.Complete();
    }

    /// <summary>Where two disks differ, in whole groups, neighbours joined.</summary>
    public IReadOnlyList<ByteRange> Differences(ContentDigest other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var length = Math.Max(Length, other.Length);
        if (Length != other.Length)
        {
            return [new ByteRange(0, length)];
        }

        return RangeSet.Normalize(Enumerable.Range(0, _groups.Length)
            .Where(index => !(_groups[index] ?? Builder.HashOfZeroGroup).AsSpan().SequenceEqual(other._groups[index] ?? Builder.HashOfZeroGroup))
            .Select(index => new ByteRange(index * GroupSize, Math.Min(GroupSize, length - (index * GroupSize)))));
    }

    /// <summary>Takes the hashes of the pieces in order.</summary>
    internal sealed class Builder
    {
        private const long GroupBlocks = GroupSize / BlockManifest.BlockSize;
        private readonly ImmutableArray<byte[]?>.Builder _groups = ImmutableArray.CreateBuilder<byte[]?>();
        private IncrementalHash? _hash;
        private long _zeroBlocks; // at the start of the group, while there is nothing else in it
        private long _blocks; // of the group
        private long _length;

        /// <summary>The hash of a full group of zeros.</summary>
        public static byte[] HashOfZeroGroup { get; } = MakeZeroGroup();

        public void Add(Piece piece)
        {
            _length = piece.Range.End;
            if (!piece.IsZero)
            {
                for (var at = 0; at < piece.Hashes.Length; at += BlockManifest.HashSize)
                {
                    AddBlock(piece.Hashes.AsSpan(at, BlockManifest.HashSize));
                }

                return;
            }

            AddZeros(piece.Range.Length / BlockManifest.BlockSize);
            if (piece.Range.Length % BlockManifest.BlockSize is var rest and not 0)
            {
                AddBlock(SHA256.HashData(new byte[rest]));
            }
        }

        public ContentDigest Complete()
        {
            if (_blocks > 0)
            {
                _groups.Add(Current().GetHashAndReset());
            }

            _hash?.Dispose();
            return new ContentDigest(_length, _groups.ToImmutable());
        }

        private void AddBlock(ReadOnlySpan<byte> hash)
        {
            if (hash.SequenceEqual(BlockManifest.ZeroHash))
            {
                AddZeros(1);
                return;
            }

            Current().AppendData(hash);
            if (++_blocks == GroupBlocks)
            {
                CloseGroup();
            }
        }

        private void AddZeros(long count)
        {
            while (count > 0)
            {
                var taken = Math.Min(count, GroupBlocks - _blocks);
                if (_zeroBlocks == _blocks)
                {
                    _zeroBlocks += taken;
                }
                else
                {
                    Append(taken);
                }

                _blocks += taken;
                count -= taken;
                if (_blocks == GroupBlocks)
                {
                    CloseGroup();
                }
            }
        }

        private void CloseGroup()
        {
            _groups.Add(_zeroBlocks == GroupBlocks ? null : Current().GetHashAndReset());
            (_blocks, _zeroBlocks) = (0, 0);
        }

        /// <summary>The hash of the group so far, with the zeros at its start.</summary>
        private IncrementalHash Current()
        {
            _hash ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            if (_zeroBlocks > 0 && _zeroBlocks == _blocks)
            {
                Append(_zeroBlocks);
            }

            // From here on the group is no longer one of zeros.
            _zeroBlocks = -1;
            return _hash;
        }

        private void Append(long zeroBlocks)
        {
            for (var i = 0L; i < zeroBlocks; i++)
            {
                _hash?.AppendData(BlockManifest.ZeroHash);
            }
        }

        private static byte[] MakeZeroGroup()
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (var i = 0; i < GroupBlocks; i++)
            {
                hash.AppendData(BlockManifest.ZeroHash);
            }

            return hash.GetHashAndReset();
        }
    }
}
