namespace Rehost.FileSystems.Fat;

/// <summary>How a new FAT32 file system is to be.</summary>
/// <param name="Label">Label, at most 11 characters of ASCII; written in capitals.</param>
/// <param name="Serial">Serial number, the UUID that Linux shows.</param>
public sealed record FatFormatOptions(string Label, uint Serial)
{
    /// <summary>Sectors before the partition, which some boot code asks for.</summary>
    public uint HiddenSectors { get; init; }
}
