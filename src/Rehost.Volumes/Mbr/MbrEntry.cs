using Rehost.Blocks;

namespace Rehost.Volumes.Mbr;

/// <summary>A primary partition of an <see cref="MbrTable"/>.</summary>
/// <param name="Number">Slot, 1 to 4.</param>
/// <param name="Type">System id, such as <see cref="PartitionTypes.MbrLinux"/>.</param>
/// <param name="Start">First sector.</param>
/// <param name="Sectors">Sectors; at least one.</param>
/// <param name="IsBootable">The active flag.</param>
public sealed record MbrEntry(int Number, byte Type, Lba Start, long Sectors, bool IsBootable = false);
