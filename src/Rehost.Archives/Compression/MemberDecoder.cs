namespace Rehost.Archives;

/// <summary>Decodes one member (gzip member, xz stream, zstd frame …) in chunks.</summary>
internal abstract class MemberDecoder : IDisposable
{
    /// <summary>Largest dictionary that is ever held: the kernel's own limit for a zstd initramfs, twice that of xz -9.</summary>
    public const int LargestWindow = 128 << 20;

    private const int ManyParts = 1024;
    private const int UsefulPart = 1024;

    /// <summary>Whether so many members or blocks for so little output can only be meant to keep a reader busy.</summary>
    public static bool AreTooMany(long parts, long produced) => parts > ManyParts + (produced / UsefulPart);

    /// <summary>The next decoded bytes, valid until the next call; empty at the end of the member, when the input stands behind its last byte.</summary>
    public abstract ReadOnlyMemory<byte> NextChunk();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a decoder holds besides memory.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
