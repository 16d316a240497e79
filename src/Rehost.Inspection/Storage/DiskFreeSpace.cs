using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Inspection.Storage;

/// <summary>What of a disk holds nothing, and who says so.</summary>
/// <param name="Ranges">In bytes of the disk, in order, without overlaps. Their content need not be copied.</param>
/// <param name="Shares">Which volume or group has how much of it, and which volumes keep everything.</param>
public sealed record DiskFreeSpace(ImmutableArray<ByteRange> Ranges, ImmutableArray<FreeSpaceShare> Shares);

/// <summary>What one volume or volume group has of a disk's free space.</summary>
/// <param name="Volume">Its name.</param>
/// <param name="Bytes">Bytes that need not be copied; 0 when all of it must be.</param>
/// <param name="Reason">Why: what kind of free space it is, or why its content is kept as a whole.</param>
public sealed record FreeSpaceShare(string Volume, long Bytes, string Reason);
