using Rehost.Archives.Tar;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Tar;

/// <summary>
/// An OVA: a tar of an OVF package, whose descriptor comes first. It is known here by its first member; what is in it is a matter of Rehost.Hypervisors,
/// and a disk of it is opened there.
/// </summary>
public sealed class OvaFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "ova";

    /// <inheritdoc/>
    public string Extension => ".ova";

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        if (!TarHeader.LooksLikeHeader(head))
        {
            return false;
        }

        var name = head[..100];
        name = name.IndexOf((byte)0) is var end and >= 0 ? name[..end] : name;
        return name.EndsWith(".ovf"u8) || name.EndsWith(".OVF"u8);
    }

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.File.Dispose();
        throw DiskFormatDiagnostics.DiskNotChosen.ToException("an OVA holds a machine: it is opened as such, or one of its disks by its id", request.FileName);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
        => throw DiskFormatDiagnostics.CannotWrite.ToException("an OVA holds a machine, not a disk alone", file?.Name);
}
