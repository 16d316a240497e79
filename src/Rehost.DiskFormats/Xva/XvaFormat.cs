using Rehost.Blocks;
using Rehost.DiskFormats.Tar;

namespace Rehost.DiskFormats.Xva;

/// <summary>The export format of XenServer and XCP-ng.</summary>
public sealed class XvaFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "xva";

    /// <inheritdoc/>
    public string Extension => ".xva";

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
        => TarHeader.LooksLikeHeader(head) && (head.StartsWith("ova.xml\0"u8) || head.StartsWith("./ova.xml\0"u8));

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var archive = XvaArchive.Open(request.File, request.FileName);
        try
        {
            if (request.DiskId is not { } id || request.Length is not { } length)
            {
                throw DiskFormatDiagnostics.DiskNotChosen.ToException($"the archive holds {string.Join(", ", archive.DiskIds.Take(20))}; id and size are needed", request.FileName);
            }

            return new OwningDevice(archive.OpenDisk(id, length), archive);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
        => throw DiskFormatDiagnostics.CannotWrite.ToException("XVA is not written by this version", file?.Name);

    /// <summary>The compressor that made a file, or null.</summary>
    internal static string? CompressorOf(ReadOnlySpan<byte> magic)
        => magic.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) ? "gzip"
            : magic.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]) ? "zstd"
            : null;
}
