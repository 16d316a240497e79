namespace Rehost.Volumes;

/// <summary>How a disk is divided.</summary>
public enum PartitionTableKind
{
    /// <summary>Not at all: the disk is one file system, swap space or nothing.</summary>
    None,

    /// <summary>By a PC partition table in sector 0, with or without logical partitions.</summary>
    Mbr,

    /// <summary>By a GUID partition table (UEFI specification, chapter 5).</summary>
    Gpt,
}
