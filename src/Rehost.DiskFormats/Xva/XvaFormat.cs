using System.Collections.Concurrent;
using Rehost.Archives.Seekable;
using Rehost.Archives.Tar;
using Rehost.Archives;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>The export format of XenServer and XCP-ng.</summary>
public sealed class XvaFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "xva";

    /// <inheritdoc/>
    public string Extension => ".xva";

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
        => TarHeader.LooksLikeHeader(head) && (head.StartsWith("ova.xml\0"u8) || head.StartsWith("./ova.xml\0"u8));

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return OpenDisk(request, CancellationToken.None);
    }

    /// <inheritdoc/>
    public ImageCheckReport Check(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var disk = OpenDisk(request, cancellationToken);
        var findings = new ConcurrentBag<Diagnostic>();
        var stored = disk.VerifyAll(findings.Add, cancellationToken);
        return new ImageCheckReport([.. findings.OrderBy(finding => finding.Message, StringComparer.Ordinal).Take(ImageCheckReport.FindingLimit)], findings.Count, 0, stored);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        return XvaSingleDiskWriter.Create(file, length, options);
    }

    /// <summary>Whether a file is an export compressed by gzip or zstd: one that starts with ova.xml once the first bytes are decompressed.</summary>
    internal static bool IsCompressedExport(IBlockDevice file)
    {
        if (CompressedContent.Detect(file) is not (var kind and (CompressionKind.Gzip or CompressionKind.Zstd)))
        {
            return false;
        }

        try
        {
            var head = new byte[TarHeader.BlockSize];
            CompressedContent.ReadHead(kind, file, head);
            return new XvaFormat().Identify(head, []);
        }
        catch (DiagnosticException)
        {
            // Bytes that happen to look like a compressor's.
            return false;
        }
    }

    private static XvaDisk OpenDisk(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        var archive = XvaArchive.Open(request.File, request.FileName, cancellationToken: cancellationToken);
        try
        {
            var id = request.DiskId ?? (archive.DiskIds is [var only] ? only : throw DiskFormatDiagnostics.DiskNotChosen.ToException(
                $"the archive holds {(archive.DiskIds.Count == 0 ? "no disks" : string.Join(", ", archive.DiskIds.Take(20)))}; the id of one is needed", request.FileName));
            return archive.OpenDisk(id, request.Length, ownsArchive: true);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }
}
