namespace Rehost.Archives;

/// <summary>One of the archives that an initramfs is made of.</summary>
/// <param name="Offset">Where it starts in the file.</param>
/// <param name="Length">Bytes in the file, as compressed, without the padding behind.</param>
/// <param name="Kind">How it is compressed; none for a raw cpio archive.</param>
/// <param name="Entries">Files, directories and links in it.</param>
/// <param name="ContentLength">Bytes of the archive after decompression.</param>
public sealed record InitramfsSegment(long Offset, long Length, CompressionKind Kind, int Entries, long ContentLength)
{
    /// <summary>Whether it is the processor's microcode that goes before the rest, for the kernel to find before it can decompress.</summary>
    public bool IsMicrocode { get; init; }
}
