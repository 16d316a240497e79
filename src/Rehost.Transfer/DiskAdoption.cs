using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats.Landing;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// Makes a target of a disk where it landed: the edits are written into it, what nothing uses is cleared, and its manifest is put together from the hashes that were taken when
/// it passed by and those of the blocks that changed. The counterpart of <see cref="DiskCopy"/> for a source that comes once.
/// </summary>
public static class DiskAdoption
{
    private const int PieceSize = 1 << 20;

    /// <summary>Makes the target, and completes its image.</summary>
    /// <param name="request">As for a copy; its content stands on the image, and its target is not used.</param>
    /// <param name="image">Where the disk landed.</param>
    /// <param name="hashes">Of the disk as it arrived.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>What was written; null, and nothing done, where the content cannot be moved to its new place: then it has to be copied.</returns>
    /// <exception cref="DiagnosticException">The target cannot take it.</exception>
    public static BlockManifest? TryRun(AdoptionRequest request, ILandingImage image, PassingHashes hashes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(hashes);
        var content = request.Content;
        var mapping = request.Mapping;
        var distance = mapping.TargetOffset - mapping.SourceOffset;
        var freed = RangeSet.Normalize(request.FreedRanges);
        var told = RangeSet.Normalize(request.ChangedRanges).SelectMany(range => RangeSet.Subtract(range, freed)).ToImmutableArray();
        var before = new SourceTree(request.Source, content.Length, [mapping], told, freed);
        before.Remember(cancellationToken);
        if (distance % BlockManifest.BlockSize != 0 || mapping.SourceOffset + mapping.Length != image.Length || !image.TryMove(distance, content.Length))
        {
            return null;
        }

        var changed = RangeSet.Normalize(RangeSet.Normalize([.. request.ChangedRanges, .. Outside(mapping, content.Length)]).SelectMany(range => RangeSet.Subtract(range, freed)));
        foreach (var range in changed)
        {
            Edit(content, image, range, cancellationToken);
        }

        foreach (var range in freed)
        {
            cancellationToken.ThrowIfCancellationRequested();
            image.Clear(new GuestOffset(range.Offset), range.Length);
        }

        var blocks = new BlockHashes();
        var touched = RangeSet.Normalize([.. changed, .. freed]);
        var block = new byte[BlockManifest.BlockSize];
        for (long offset = 0; offset < content.Length; offset += BlockManifest.BlockSize)
        {
            var range = new ByteRange(offset, Math.Min(BlockManifest.BlockSize, content.Length - offset));
            var source = offset - distance;
            if (source >= 0 && Math.Min(source + BlockManifest.BlockSize, image.Length) - source == range.Length && !RangeSet.Touches(touched, range))
            {
                blocks.Add(hashes.Blocks.Find(source / BlockManifest.BlockSize));
            }
            else if (range.Length == BlockManifest.BlockSize && !RangeSet.Subtract(range, freed).Any())
            {
                blocks.AddZeros(1);
            }
            else
            {
                cancellationToken.ThrowIfCancellationRequested();
                content.Read(new GuestOffset(offset), block.AsSpan(0, (int)range.Length));
                blocks.Add(BlockHasher.Hash(block.AsSpan(0, (int)range.Length)));
            }
        }

        image.Complete(cancellationToken);
        return new BlockManifest(content.Length, blocks, [mapping], told, freed, [.. before.Root(blocks, [], cancellationToken)], request.Touched);
    }

    private static IEnumerable<ByteRange> Outside(MappedRange mapping, long length) => [new ByteRange(0, mapping.TargetOffset), new ByteRange(mapping.TargetEnd, length - mapping.TargetEnd)];

    private static void Edit(IBlockDevice content, ILandingImage image, ByteRange range, CancellationToken cancellationToken)
    {
        var buffer = new byte[PieceSize];
        foreach (var extent in content.GetExtents(new GuestOffset(range.Offset), range.Length))
        {
            if (extent.Kind != ExtentKind.Data)
            {
                image.Clear(new GuestOffset(extent.Offset), extent.Length);
                continue;
            }

            for (long done = 0; done < extent.Length; done += buffer.Length)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.Length - done));
                content.Read(new GuestOffset(extent.Offset + done), part);
                image.Edit(new GuestOffset(extent.Offset + done), part);
            }
        }
    }
}

/// <summary>A disk that landed and shall become a target.</summary>
/// <param name="Content">What the target shall hold: the disk as it arrived below its edits.</param>
/// <param name="Source">The disk as it arrived, which is read before it is edited.</param>
/// <param name="Mapping">Where the disk is on the target, to its end.</param>
/// <param name="ChangedRanges">What was changed, in bytes of the target.</param>
/// <param name="FreedRanges">What the content has as zeros because nothing uses it, in bytes of the target.</param>
/// <param name="Touched">Which change touched what, for the manifest.</param>
public sealed record AdoptionRequest(
    IBlockDevice Content, IBlockDevice Source, MappedRange Mapping, IReadOnlyList<ByteRange> ChangedRanges, IReadOnlyList<ByteRange> FreedRanges, ImmutableArray<TouchedRanges> Touched);
