namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>What a device element names.</summary>
public enum BcdDeviceKind
{
    /// <summary>Something that Rehost does not know; it is kept as it is.</summary>
    Other,

    /// <summary>The device that the firmware booted from ("boot").</summary>
    Boot,

    /// <summary>A partition.</summary>
    Partition,

    /// <summary>A RAM disk that is filled from a file on a partition, as the recovery environment is.</summary>
    RamDisk,

    /// <summary>A file on a partition that is a disk (a VHD).</summary>
    File,

    /// <summary>The partition that holds a file ("locate").</summary>
    Locate,
}
