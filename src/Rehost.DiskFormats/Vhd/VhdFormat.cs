using Rehost.Blocks;
using Rehost.DiskFormats.BlockMaps;

namespace Rehost.DiskFormats.Vhd;

/// <summary>Virtual PC's format, of Hyper-V's first generation, Azure and XenServer.</summary>
public sealed class VhdFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "vhd";

    /// <inheritdoc/>
    public string Extension => ".vhd";

    /// <inheritdoc/>
    public IReadOnlyList<string> FileExtensions => [".vhd", ".avhd", ".vpc"];

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
        => VhdFooter.HasCookie(head)
            || (tail.Length >= VhdFooter.Size && VhdFooter.HasCookie(tail[^VhdFooter.Size..]))
            || (tail.Length >= VhdFooter.OldSize && VhdFooter.HasCookie(tail[^VhdFooter.OldSize..]));

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return VhdImage.Open(request);
    }

    /// <inheritdoc/>
    public ImageCheckReport Check(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return VhdCheck.Run(request, cancellationToken);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        var kind = VhdSubFormat.Of(options, file.Name);
        VhdWriter.CheckLength(length, file.Name);
        var id = ImageIdentity.Create(options, length, "vhd");
        return kind.IsFixed ? new VhdFixedWriter(file, length, kind, id) : new VhdWriter(file, length, kind, id);
    }
}
