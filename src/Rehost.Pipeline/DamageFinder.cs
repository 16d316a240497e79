using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Transfer;
using Rehost.Volumes.Luks;

namespace Rehost.Pipeline;

/// <summary>
/// Names what the differences that a proof found belong to. File systems are read on overlays on which the differences are taken back as far as the source tells what was there: so a flipped bit in a
/// table does not hide the files that the table leads to.
/// </summary>
internal static class DamageFinder
{
    /// <summary>More places than that are not looked up.</summary>
    private const int MostPlaces = 200;

    /// <summary>Where the bytes lie that differ. A block of the manifest is narrowed by the source where that is known, and else by what may differ from it on purpose.</summary>
    public static ImmutableArray<ByteRange> Places(DeltaProofReport proof, BlockManifest manifest, bool hasSource)
    {
        var exact = RangeSet.Normalize(proof.Mismatches.Where(mismatch => mismatch.Kind != DeltaMismatchKind.TargetDiffersFromManifest).Select(mismatch => mismatch.Range));
        var places = new List<ByteRange>(exact);
        foreach (var range in proof.Mismatches.Where(mismatch => mismatch.Kind == DeltaMismatchKind.TargetDiffersFromManifest).Select(mismatch => mismatch.Range))
        {
            for (var at = range.Offset; at < range.End && places.Count < MostPlaces; at += BlockManifest.BlockSize)
            {
                var block = new ByteRange(at, Math.Min(BlockManifest.BlockSize, range.End - at));
                if (RangeSet.Touches(exact, block))
                {
                    continue;
                }

                // Equal to the source wherever it should be: so it is the changes that are not as they were made.
                var changed = hasSource ? RangeSet.Within(block, manifest.ChangedRanges).ToList() : [];
                places.AddRange(changed.Count > 0 ? changed : [block]);
            }
        }

        return [.. RangeSet.Normalize(places).Take(MostPlaces)];
    }

    /// <summary>Takes differences back, as far as the source tells what was there.</summary>
    /// <param name="overlay">Over the target.</param>
    /// <param name="source">The source's disk; null when it is not there.</param>
    /// <param name="manifest">Where the source is on the target.</param>
    /// <param name="places">The differences.</param>
    public static void Heal(OverlayDevice overlay, IBlockDevice? source, BlockManifest manifest, ImmutableArray<ByteRange> places)
    {
        var planned = RangeSet.Normalize(manifest.ChangedRanges.Concat(manifest.FreedRanges));
        foreach (var freed in places.SelectMany(place => RangeSet.Within(place, manifest.FreedRanges)))
        {
            overlay.WriteZeros(new GuestOffset(freed.Offset), freed.Length);
        }

        foreach (var mapped in source is null ? [] : manifest.Mapping)
        {
            foreach (var range in places.SelectMany(place => RangeSet.Within(place, [new ByteRange(mapped.TargetOffset, mapped.Length)])).SelectMany(range => RangeSet.Subtract(range, planned)))
            {
                var original = new byte[range.Length];
                source?.Read(new GuestOffset(mapped.SourceOffset + (range.Offset - mapped.TargetOffset)), original);
                overlay.Write(new GuestOffset(range.Offset), original);
            }
        }
    }

    /// <summary>Places with their owners.</summary>
    public static IEnumerable<DamagedPlace> Describe(string disk, IEnumerable<ByteRange> places, IReadOnlyList<BlockOwner> owners) => places.Select(place => new DamagedPlace(disk, place.Offset, place.Length,
        [.. owners.Where(owner => owner.Range.Offset < place.End && place.Offset < owner.Range.End).Select(owner => owner.ToString()).Distinct(StringComparer.Ordinal)]));

    /// <summary>Names places of disks.</summary>
    /// <param name="machine">The machine that has the disks.</param>
    /// <param name="disks">Its disks, to be read and, for journals, written.</param>
    /// <param name="names">What to call each disk.</param>
    /// <param name="places">Places on each disk.</param>
    /// <param name="keys">Keys of encrypted volumes; null for none.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    public static ImmutableArray<DamagedPlace> Name(
        VirtualMachine machine, IReadOnlyList<OverlayDevice> disks, IReadOnlyList<string> names, IReadOnlyList<ImmutableArray<ByteRange>> places, VolumeKeys? keys, CancellationToken cancellationToken)
    {
        var (find, opened) = Open(machine, disks, keys);
        using (opened)
        {
            var named = ImmutableArray.CreateBuilder<DamagedPlace>();
            for (var index = 0; index < disks.Count; index++)
            {
                if (places[index].IsEmpty)
                {
                    continue;
                }

                var owners = find(disks[index], places[index]);
                named.AddRange(Describe(names[index], places[index], owners));
            }

            return named.ToImmutable();
        }

        (Func<IBlockDevice, IEnumerable<ByteRange>, IReadOnlyList<BlockOwner>>, IDisposable?) Open(VirtualMachine guest, IReadOnlyList<OverlayDevice> devices, VolumeKeys? secrets)
        {
            try
            {
                var storage = GuestStorage.Open(guest, devices, secrets);
                return ((disk, ranges) => storage.FindOwners(disk, ranges, cancellationToken), storage);
            }
            catch (DiagnosticException)
            {
                // No operating system, or none that can be read any more: its volumes may still say something.
            }

            try
            {
                var volumes = GuestVolumes.Open(guest, devices, secrets);
                return ((disk, ranges) => volumes.FindOwners(disk, ranges, cancellationToken), volumes);
            }
            catch (DiagnosticException)
            {
                return ((_, _) => [], null);
            }
        }
    }
}
