using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>A disk after a plan was carried out.</summary>
/// <param name="DiskId">The disk, see <see cref="VirtualDisk.Id"/>.</param>
/// <param name="Device">Its content as the target will see it.</param>
/// <param name="ChangedRanges">Where it may differ from the source, in offsets of the target; everything else is the source's content, moved by the same distance.</param>
public sealed record AppliedDisk(string DiskId, IBlockDevice Device, ImmutableArray<ByteRange> ChangedRanges);
