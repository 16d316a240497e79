namespace Rehost.Volumes.Mbr;

/// <summary>Where a logical partition is described.</summary>
/// <param name="Number">Its number, from 5.</param>
/// <param name="Record">The sector of its boot record.</param>
/// <param name="Slot">Its entry there, from 0.</param>
/// <param name="Start">Its first sector on the disk.</param>
/// <param name="Entry">The entry as stored.</param>
internal readonly record struct LogicalPlace(int Number, long Record, int Slot, long Start, RawMbrEntry Entry);
