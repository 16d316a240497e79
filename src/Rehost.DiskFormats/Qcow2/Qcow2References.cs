using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>The files that an image refers to, in QEMU's words.</summary>
internal static class Qcow2References
{
    /// <summary>Opens the backing file; null for none.</summary>
    /// <exception cref="DiagnosticException">It is no plain file name or of an unknown format (QCW005), or may not be opened or is damaged.</exception>
    public static IBlockDevice? OpenParent(DiskOpenRequest request, Qcow2Extensions extensions)
    {
        if (extensions.BackingFile is not { } reference)
        {
            return null;
        }

        DemandFileName(reference, "backing file", request.FileName);
        return request.OpenParent(reference, FormatOf(extensions.BackingFormat, reference, request.FileName));
    }

    /// <summary>Opens the external data file; null for none.</summary>
    /// <exception cref="DiagnosticException">It is no plain file name (QCW005), or may not be opened.</exception>
    public static IBlockDevice? OpenDataFile(DiskOpenRequest request, Qcow2Metadata metadata)
    {
        if (!metadata.Header.HasDataFile || metadata.Extensions.DataFile is not { } reference)
        {
            return null;
        }

        DemandFileName(reference, "data file", request.FileName);
        return request.OpenReference(reference).File;
    }

    private static IDiskFormat? FormatOf(string? declared, string reference, string name)
    {
        var format = declared switch
        {
            null or "" => null,
            "vpc" => "vhd",
            "file" or "host_device" => "raw",
            _ => declared,
        };
        return format is null ? null
            : KnownDiskFormats.All.FirstOrDefault(known => known.Name == format)
                ?? throw Qcow2Diagnostics.Reference.ToException($"the backing file '{reference}' has the format '{declared}', which is none of {string.Join(", ", KnownDiskFormats.All.Select(known => known.Name))}", name);
    }

    /// <summary>QEMU takes what has a colon before the first slash for a protocol (nbd:, http:, json:, fat:) and would connect or run something.</summary>
    private static void DemandFileName(string reference, string what, string name)
    {
        var colon = reference.IndexOf(':', StringComparison.Ordinal);
        var slash = reference.IndexOf('/', StringComparison.Ordinal);
        if (colon >= 0 && (slash < 0 || colon < slash))
        {
            throw Qcow2Diagnostics.Reference.ToException($"the {what} is '{reference}', a {reference[..colon]}: reference; plain file names are followed", name);
        }
    }
}
