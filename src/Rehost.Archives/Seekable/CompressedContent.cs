using Rehost.Blocks;

namespace Rehost.Archives.Seekable;

/// <summary>Opens compressed files as random-access content.</summary>
public static class CompressedContent
{
    /// <summary>Tells how a file is compressed.</summary>
    public static CompressionKind Detect(IBlockDevice file)
    {
        ArgumentNullException.ThrowIfNull(file);
        Span<byte> head = stackalloc byte[Decompressor.DetectLength];
        head = head[..(int)Math.Min(head.Length, file.Length)];
        file.Read(GuestOffset.Zero, head);
        return Decompressor.Detect(head);
    }

    /// <summary>Decompresses the first bytes of a file.</summary>
    /// <param name="kind">How it is compressed.</param>
    /// <param name="file">The file.</param>
    /// <param name="head">Takes the bytes; what the content does not have is zero.</param>
    /// <exception cref="Model.DiagnosticException">The data is damaged (ARC…).</exception>
    public static void ReadHead(CompressionKind kind, IBlockDevice file, Span<byte> head)
    {
        head.Clear();
        using var source = new DeviceStream(file, 0);
        using var stream = Decompressor.Open(kind, source, long.MaxValue);
        stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
    }

    /// <summary>Opens a file; nothing is decompressed before somebody asks for it.</summary>
    /// <param name="kind">How it is compressed.</param>
    /// <param name="file">The file.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="ownsFile">Whether the file is disposed with the content.</param>
    /// <param name="scratchDirectory">Where there is room for content that cannot be found again in the compressed file; null for the system's temporary directory.</param>
    /// <exception cref="Model.DiagnosticException">The directory cannot take a file (BLK004).</exception>
    public static IGrowingDevice Open(CompressionKind kind, IBlockDevice file, string name, bool ownsFile, string? scratchDirectory = null)
        => kind == CompressionKind.Gzip
            ? new GzipDevice(file, name, ownsFile)
            : new SpooledDevice(kind, file, name, ownsFile, scratchDirectory ?? Path.GetTempPath());
}
