using Rehost.Blocks;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>Hyper-V's format since 2012 ([MS-VHDX]).</summary>
public sealed class VhdxFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "vhdx";

    /// <inheritdoc/>
    public string Extension => ".vhdx";

    /// <inheritdoc/>
    public IReadOnlyList<string> FileExtensions => [".vhdx", ".avhdx"];

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail) => head.StartsWith(VhdxHeader.FileSignature);

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return VhdxImage.Open(request);
    }

    /// <inheritdoc/>
    public ImageCheckReport Check(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return VhdxCheck.Run(request, cancellationToken);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        return VhdxWriter.Create(file, length, options);
    }
}
