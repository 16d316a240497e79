using Rehost.Blocks;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>VMware's disk format, in all its kinds.</summary>
public sealed class VmdkFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "vmdk";

    /// <inheritdoc/>
    public string Extension => ".vmdk";

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
        => VmdkHeader.IsHeader(head) || VmdkCowdHeader.IsHeader(head) || VmdkSeSparseHeader.IsHeader(head) || VmdkDescriptor.IsDescriptor(head);

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request) => VmdkImage.Open(request);

    /// <inheritdoc/>
    public ImageCheckReport Check(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return VmdkCheck.Run(request, cancellationToken);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (options.Preallocation != ImagePreallocation.None)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException("VMDK images are written without preallocation", file.Name);
        }

        return (options.SubFormat, options.Compression) switch
        {
            (null or VmdkStreamWriter.SubFormat, ImageCompression.None or ImageCompression.Zlib) => new VmdkStreamWriter(file, length, options),
            (VmdkSparseWriter.SubFormat, ImageCompression.None) => new VmdkSparseWriter(file, length, options),
            var (kind, compression) => throw DiskFormatDiagnostics.CannotWrite.ToException($"VMDK {kind ?? VmdkStreamWriter.SubFormat} with compression {compression}; streamOptimized (zlib) and monolithicSparse (none) are written", file.Name),
        };
    }
}
