using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// What was written onto a target disk: the SHA-256 of each 64 KiB block, which ranges were changed or left out, and which come from the source as they were. With
/// it a target can be proved long after it was made (docs/formats/manifest.md).
/// </summary>
public sealed class BlockManifest
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 64 * 1024;

    /// <summary>Bytes of a hash.</summary>
    public const int HashSize = 32;

    private static readonly byte[] HashOfZeros = SHA256.HashData(new byte[BlockSize]);
    private readonly BlockHashes _hashes;

    internal BlockManifest(
        long length, BlockHashes hashes, ImmutableArray<MappedRange> mapping, ImmutableArray<ByteRange> changedRanges, ImmutableArray<ByteRange> freedRanges,
        ImmutableArray<byte> sourceRoot, ImmutableArray<TouchedRanges> touched)
    {
        Length = length;
        _hashes = hashes;
        Mapping = mapping;
        ChangedRanges = changedRanges;
        FreedRanges = freedRanges;
        SourceRoot = sourceRoot;
        Touched = touched;
        Root = [.. hashes.ComputeRoot()];
    }

    /// <summary>Bytes of the target disk.</summary>
    public long Length { get; }

    /// <summary>Bytes of the blocks that are not all zeros.</summary>
    public long StoredBytes => Math.Min(Length, _hashes.StoredCount * BlockSize);

    /// <summary>Number of blocks; the last one may be short.</summary>
    public long BlockCount => (Length + BlockSize - 1) / BlockSize;

    /// <summary>Where the source is on the target, in order, without overlaps.</summary>
    public ImmutableArray<MappedRange> Mapping { get; }

    /// <summary>What was changed on purpose, in bytes of the target, in order, without overlaps.</summary>
    public ImmutableArray<ByteRange> ChangedRanges { get; }

    /// <summary>What held nothing and was left out, in bytes of the target, in order, without overlaps, none of it changed: zeros in the target whatever the source has there.</summary>
    public ImmutableArray<ByteRange> FreedRanges { get; }

    /// <summary>One hash over all blocks: the root of their Merkle tree. Two disks with the same root and length are equal.</summary>
    public ImmutableArray<byte> Root { get; }

    /// <summary>
    /// The root over the source's version of all blocks: with what was changed as it was before, and zeros where no source is and where nothing uses it. Empty in manifests of older versions, and
    /// where there is no source.
    /// </summary>
    public ImmutableArray<byte> SourceRoot { get; }

    /// <summary>Which change touched what; empty in manifests of older versions.</summary>
    public ImmutableArray<TouchedRanges> Touched { get; }

    /// <summary>Runs of blocks: stored ones with hashes, and zeros.</summary>
    internal BlockHashes Hashes => _hashes;

    /// <summary>The hash of a full block of zeros.</summary>
    internal static ReadOnlySpan<byte> ZeroHash => HashOfZeros;

    /// <summary>The hash of a block.</summary>
    public ReadOnlySpan<byte> HashOf(long block) => _hashes.Find(block);

    /// <summary>Writes the manifest; the same manifest gives the same bytes.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    public void Save(IImageFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        ManifestFile.Write(this, file);
    }

    /// <summary>Reads a manifest.</summary>
    /// <param name="file">The file; not disposed.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="DiagnosticException">It is damaged or of another version (TRF001, TRF002).</exception>
    public static BlockManifest Load(IBlockDevice file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        return ManifestFile.Read(file, name);
    }

    /// <summary>Bytes of a block; only the last one is short.</summary>
    internal int LengthOf(long block) => (int)Math.Min(BlockSize, Length - (block * BlockSize));
}
