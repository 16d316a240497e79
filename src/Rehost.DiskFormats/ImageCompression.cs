namespace Rehost.DiskFormats;

/// <summary>How the content of an image is compressed.</summary>
public enum ImageCompression
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Deflate; readable everywhere.</summary>
    Zlib,

    /// <summary>Zstandard; faster, needs QEMU 5.1.</summary>
    Zstd,
}
