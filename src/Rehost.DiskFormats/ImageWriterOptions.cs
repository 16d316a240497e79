namespace Rehost.DiskFormats;

/// <summary>What a new image should be like. A format refuses what it does not have (DSK003).</summary>
/// <param name="Compression">Compression of its content.</param>
public sealed record ImageWriterOptions(ImageCompression Compression = ImageCompression.None)
{
    /// <summary>Kind within the format: streamOptimized or monolithicSparse, dynamic or fixed; null for the format's own choice.</summary>
    public string? SubFormat { get; init; }

    /// <summary>Bytes of the unit of allocation; null for the format's own choice.</summary>
    public int? UnitBytes { get; init; }

    /// <summary>What is allocated ahead of content.</summary>
    public ImagePreallocation Preallocation { get; init; }

    /// <summary>Controller that the disk is made for, in the format's words (VMDK: ide, buslogic, lsilogic, legacyESX); null for the format's own choice.</summary>
    public string? AdapterType { get; init; }

    /// <summary>
    /// What identifiers inside the image are made from (VDI and VHD carry UUIDs, VMDK a CID): a new image needs its own, and the same conversion must
    /// give the same bytes. Name the machine and the disk.
    /// </summary>
    public string IdentitySeed { get; init; } = "";
}

/// <summary>What a new image allocates ahead of content.</summary>
public enum ImagePreallocation
{
    /// <summary>Nothing: zeros are not stored.</summary>
    None,

    /// <summary>The tables, and room for every unit, which stays a hole of the host's file.</summary>
    Metadata,

    /// <summary>As Metadata, and the host's file has all its blocks.</summary>
    Full,
}
