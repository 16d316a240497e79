using Rehost.Blocks;

namespace Rehost.DiskFormats.Vdi;

/// <summary>VirtualBox's own format.</summary>
public sealed class VdiFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "vdi";

    /// <inheritdoc/>
    public string Extension => ".vdi";

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail) => VdiHeader.HasSignature(head);

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return VdiImage.Open(request);
    }

    /// <inheritdoc/>
    public ImageCheckReport Check(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return VdiCheck.Run(request, cancellationToken);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Compression != ImageCompression.None || options.Preallocation != ImagePreallocation.None
            || options.SubFormat is not (null or "dynamic") || options.UnitBytes is not (null or VdiWriter.BlockSize))
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException($"VDIs are written dynamic, uncompressed, with blocks of {VdiWriter.BlockSize} bytes", file.Name);
        }

        return length <= VdiWriter.LengthMax
            ? new VdiWriter(file, length, options)
            : throw VdiDiagnostics.TooLarge.ToException($"{length} bytes; at most {VdiWriter.LengthMax} can be held", file.Name);
    }
}
