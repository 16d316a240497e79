using Rehost.Blocks;

namespace Rehost.DiskFormats.Tar;

/// <summary>
/// The descriptor of an OVF package in a folder. It is known here so that it is not taken for a raw disk; what it says is a matter of Rehost.Hypervisors,
/// and a disk of the package is opened there.
/// </summary>
public sealed class OvfFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "ovf";

    /// <inheritdoc/>
    public string Extension => ".ovf";

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <summary>XML in UTF-8 whose head names the namespace of the envelope (DSP0243, 5.1: every version's ends in "/ovf/envelope" and a number).</summary>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        var text = head.StartsWith("\uFEFF"u8) ? head[3..] : head;
        return text.TrimStart(" \t\r\n"u8).StartsWith("<"u8) && text.IndexOf("/ovf/envelope"u8) >= 0;
    }

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.File.Dispose();
        throw DiskFormatDiagnostics.DiskNotChosen.ToException("an OVF package holds a machine: it is opened as such, or one of its disks by its id", request.FileName);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
        => throw DiskFormatDiagnostics.CannotWrite.ToException("an OVF package holds a machine, not a disk alone", file?.Name);
}
