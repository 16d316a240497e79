using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>Chooses format and options of a new image from what the operator wrote.</summary>
internal static class ImageTarget
{
    /// <summary>The format: as named, else by the extension of the file, else raw for a block device.</summary>
    /// <exception cref="DiagnosticException">Neither says which (PIP010), it is unknown (DSK001) or not written (DSK003).</exception>
    public static IDiskFormat FormatOf(string? name, string path)
    {
        var isDevice = BlockDeviceFile.IsBlockDevice(path);
        var format = name is not null ? KnownDiskFormats.ByName(name)
            : isDevice ? KnownDiskFormats.ByName("raw")
            : KnownDiskFormats.All.FirstOrDefault(known => KnownDiskFormats.HasExtensionOf(path, known))
                ?? throw PipelineDiagnostics.BadOption.ToException($"the extension of {path} does not say which format is wanted", "--target-format");
        if (!format.CanWrite && format is not (OvaFormat or OvfFormat))
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException($"{format.Name} is only read", path);
        }

        return isDevice && format.Name != "raw"
            ? throw DiskFormatDiagnostics.CannotWrite.ToException($"a block device takes a raw disk, not {format.Name}", path)
            : format;
    }

    /// <summary>Starts a new image. An OVA is more than a disk, so it is written by who knows machines.</summary>
    /// <exception cref="DiagnosticException">The format does not have what is asked for (DSK003).</exception>
    public static IImageWriter CreateWriter(IDiskFormat format, IImageFile file, long length, ImageConversionRequest request)
    {
        if (format is not OvaFormat)
        {
            return format.CreateWriter(file, length, OptionsOf(request));
        }

        DemandNoOptions(request, "the disk of an OVA");
        return new OvaImageWriter(file, length, Path.GetFileNameWithoutExtension(request.TargetPath));
    }

    /// <summary>Refuses options of a disk that has none.</summary>
    /// <exception cref="DiagnosticException">There are some (DSK003).</exception>
    public static void DemandNoOptions(ImageConversionRequest request, string what)
    {
        if (request is not { Compression: "none", SubFormat: null, UnitBytes: null, Preallocation: "none" })
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException($"{what} is always a streamOptimized VMDK, without options", request.TargetPath);
        }
    }

    /// <summary>The writer's options.</summary>
    public static ImageWriterOptions OptionsOf(ImageConversionRequest request) => new(CompressionOf(request.Compression))
    {
        SubFormat = request.SubFormat,
        UnitBytes = request.UnitBytes,
        Preallocation = request.Preallocation switch
        {
            "none" => ImagePreallocation.None,
            "metadata" => ImagePreallocation.Metadata,
            "full" => ImagePreallocation.Full,
            var other => throw PipelineDiagnostics.BadOption.ToException($"'{other}' is none of none, metadata, full", "--preallocation"),
        },
        IdentitySeed = $"{Path.GetFileName(request.Source.Path)}\n{request.Source.Disk}\n{request.Source.Snapshot}\n{Path.GetFileName(request.TargetPath)}",
    };

    private static ImageCompression CompressionOf(string name) => name switch
    {
        "none" => ImageCompression.None,
        "zlib" => ImageCompression.Zlib,
        "zstd" => ImageCompression.Zstd,
        _ => throw PipelineDiagnostics.BadOption.ToException($"'{name}' is none of none, zlib, zstd", "--compress"),
    };
}
