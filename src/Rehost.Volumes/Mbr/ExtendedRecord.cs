namespace Rehost.Volumes.Mbr;

/// <summary>An extended boot record.</summary>
/// <param name="Sector">Where it stands on the disk.</param>
/// <param name="First">The first sector of its extended partition, from which links are counted.</param>
/// <param name="Size">Sectors of its extended partition.</param>
/// <param name="Extended">Number of its extended partition.</param>
/// <param name="FreeSlot">Its first empty entry; -1 when there is none.</param>
/// <param name="LinkSlot">The entry that leads to the next record; -1 when it is the last one.</param>
internal readonly record struct ExtendedRecord(long Sector, long First, long Size, int Extended, int FreeSlot, int LinkSlot);
