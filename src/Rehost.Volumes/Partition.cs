using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes;

/// <summary>One partition, as the Linux kernel would present it.</summary>
/// <param name="Number">The number Linux gives it: 1 for sda1, 5 for the first logical partition, the entry's index plus one on GPT.</param>
/// <param name="FirstSector">First sector, in sectors of the table.</param>
/// <param name="Start">First byte on the disk.</param>
/// <param name="Length">Bytes; cut to the disk.</param>
/// <param name="TypeId">What it is meant for: two lower-case hex digits ("83") on MBR, a lower-case GUID on GPT.</param>
/// <param name="PartUuid">Linux's PARTUUID: "1a2b3c4d-01" on MBR, the partition's own GUID on GPT; lower case.</param>
public sealed record Partition(int Number, Lba FirstSector, GuestOffset Start, long Length, string TypeId, string PartUuid)
{
    /// <summary>The active flag of MBR, or GPT's "legacy BIOS bootable" attribute.</summary>
    public bool IsBootable { get; init; }

    /// <summary>GPT's partition name; empty on MBR.</summary>
    public string Name { get; init; } = "";

    /// <summary>Whether this is an extended partition: it holds the chain of logical partitions and no content of its own.</summary>
    public bool IsExtended { get; init; }

    /// <summary>Whether this is a logical partition, one inside an extended one.</summary>
    public bool IsLogical { get; init; }

    /// <summary>The byte after the last one.</summary>
    public GuestOffset End => Start + Length;

    /// <summary>The partition's content as a device of its own. The slice does not own the disk.</summary>
    /// <exception cref="DiagnosticException">The partition is not on this disk (BLK001): it is another one than was read.</exception>
    public SliceDevice Open(IBlockDevice disk) => new(disk, Start, Length, $"partition {Number}");
}
