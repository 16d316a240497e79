namespace Rehost.Archives;

/// <summary>How a file or a part of an initramfs is compressed.</summary>
public enum CompressionKind
{
    /// <summary>Not compressed, or by nothing that is known.</summary>
    None,

    /// <summary>gzip, RFC 1952.</summary>
    Gzip,

    /// <summary>bzip2.</summary>
    Bzip2,

    /// <summary>The .lzma file format: LZMA1 behind a 13-byte header.</summary>
    Lzma,

    /// <summary>The .xz file format.</summary>
    Xz,

    /// <summary>The lzop container around LZO1X.</summary>
    Lzo,

    /// <summary>LZ4 legacy frame, what the Linux kernel reads (lz4 -l).</summary>
    Lz4Legacy,

    /// <summary>LZ4 frame.</summary>
    Lz4,

    /// <summary>Zstandard, RFC 8878.</summary>
    Zstd,
}
