using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.DiskFormats.Raw;
using Rehost.DiskFormats.Tar;
using Rehost.DiskFormats.Vdi;
using Rehost.DiskFormats.Vhd;
using Rehost.DiskFormats.Vhdx;
using Rehost.DiskFormats.Vmdk;
using Rehost.DiskFormats.Xva;

namespace Rehost.DiskFormats;

/// <summary>The disk formats that Rehost knows.</summary>
public static class KnownDiskFormats
{
    /// <summary>Bytes of head and tail that <see cref="IDiskFormat.Identify"/> may look at.</summary>
    public const int ProbeLength = 4096;

    /// <summary>All formats, in the order in which they are tried: raw must come last because every file is a raw disk.</summary>
    public static ImmutableArray<IDiskFormat> All { get; } = [new Qcow2Format(), new VmdkFormat(), new XvaFormat(), new OvaFormat(), new OvfFormat(), new VhdFormat(), new VhdxFormat(), new VdiFormat(), new RawFormat()];

    /// <summary>A format by its name.</summary>
    /// <exception cref="Model.DiagnosticException">There is none (DSK001).</exception>
    public static IDiskFormat ByName(string name)
        => All.FirstOrDefault(format => string.Equals(format.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw DiskFormatDiagnostics.UnknownFormat.ToException($"'{name}' is none of {string.Join(", ", All.Select(format => format.Name))}");

    /// <summary>The formats whose files are commonly named so; an extension is no proof, but the guest did not choose it.</summary>
    public static bool HasExtensionOf(string fileName, IDiskFormat format)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        ArgumentNullException.ThrowIfNull(format);
        return format.FileExtensions.Any(extension => fileName.EndsWith(extension, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Opens a file whose format is declared, or else is guessed; the guess is trusted as far as the file's name says the same.</summary>
    /// <param name="file">The file; owned by what is returned, also when opening fails.</param>
    /// <param name="declared">Its format; null to look.</param>
    /// <param name="request">Everything else; its file, name and directory are replaced.</param>
    /// <exception cref="Model.DiagnosticException">The image is damaged or of a kind that is not read.</exception>
    public static IBlockDevice OpenNamed(ReferencedFile file, IDiskFormat? declared, DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(request);
        IDiskFormat format;
        try
        {
            format = declared ?? Identify(file.File);
        }
        catch
        {
            file.File.Dispose();
            throw;
        }

        return format.Open(request with
        {
            File = file.File,
            FileName = file.Name,
            Directory = file.Directory,
            IsFormatGuessed = declared is null && !HasExtensionOf(file.Name, format),
        });
    }

    /// <summary>
    /// Guesses the format of a file. A guess is a guess: a guest can write a qcow2 header onto its raw disk, therefore a format declared by the
    /// operator or a description always wins, and nothing outside the file is ever opened because of a guess.
    /// </summary>
    public static IDiskFormat Identify(IBlockDevice file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var length = (int)Math.Min(file.Length, ProbeLength);
        var head = new byte[length];
        var tail = new byte[length];
        file.Read(GuestOffset.Zero, head);
        file.Read(new GuestOffset(file.Length - length), tail);
        var found = All.First(format => format.Identify(head, tail));

        // The one format that is compressed as a whole: its head tells only that it is.
        return found is RawFormat && XvaFormat.IsCompressedExport(file) ? ByName("xva") : found;
    }
}
