using System.Collections.Immutable;
using System.Text;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>Finds GRUB's files: the guest's own first, because its grub.cfg was written for them, then the host's.</summary>
public static class GrubFileLocator
{
    /// <summary>Where distributions keep the files, on the host and in the guest.</summary>
    public static readonly ImmutableArray<string> UsualDirectories =
    [
        "/usr/lib/grub/i386-pc", // Debian, Ubuntu, Arch, Fedora, RHEL 7 and later
        "/usr/share/grub2/i386-pc", // openSUSE, SLES 15
        "/usr/lib/grub2/i386-pc", // SLES 11 and 12
        "/usr/local/lib/grub/i386-pc", // built from source
        "/boot/grub/i386-pc", // what grub-install copied
        "/boot/grub2/i386-pc",
    ];

    /// <summary>The files that every core image is made of.</summary>
    public static readonly ImmutableArray<string> RequiredFiles = ["boot.img", "diskboot.img", "lzma_decompress.img", "kernel.img", "moddep.lst", "normal.mod"];

    /// <summary>Where distributions keep the files for UEFI on x86-64.</summary>
    public static readonly ImmutableArray<string> UsualEfiDirectories =
        ["/usr/lib/grub/x86_64-efi", "/usr/share/grub2/x86_64-efi", "/usr/lib/grub2/x86_64-efi", "/usr/local/lib/grub/x86_64-efi"];

    private static readonly ImmutableArray<string> RequiredEfiFiles = ["kernel.img", "moddep.lst", "normal.mod"];

    /// <summary>This machine's files for UEFI on x86-64.</summary>
    /// <param name="explicitDirectory">--grub-dir: this directory, x86_64-efi in it, or beside it.</param>
    /// <exception cref="DiagnosticException">There are none (GRB012).</exception>
    public static IGrubFiles FindEfi(string? explicitDirectory)
    {
        IReadOnlyList<string> directories = explicitDirectory is null ? UsualEfiDirectories
            : [explicitDirectory, Path.Combine(explicitDirectory, "x86_64-efi"), Path.Combine(explicitDirectory, "..", "x86_64-efi")];

        // The directory of the files for BIOS has files of the same names: these are told apart by boot.img.
        return directories.Select(directory => new HostGrubFiles(directory)).FirstOrDefault(files => RequiredEfiFiles.All(files.Exists) && !files.Exists("boot.img"))
            ?? throw GrubDiagnostics.EfiFilesNotFound.ToException($"looked in {string.Join(", ", directories)}");
    }

    /// <summary>The first complete set.</summary>
    /// <param name="guest">Makes the guest's files of a directory; null when there is no guest to look into.</param>
    /// <param name="explicitDirectory">--grub-dir: this host directory or none.</param>
    /// <exception cref="DiagnosticException">There is none (GRB001).</exception>
    public static IGrubFiles Find(Func<string, IGrubFiles>? guest, string? explicitDirectory)
        => Find(guest, explicitDirectory, UsualDirectories);

    /// <summary>GRUB's version as its modules tell it ("2.06-13+deb12u2"); null when they do not.</summary>
    public static string? ReadVersion(IGrubFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);

        // "GNU GRUB  version %s" and the version that goes there are string constants of normal.mod.
        foreach (var range in SplitStrings(files.Read("normal.mod")))
        {
            if (range.Length is >= 3 and < 64 && range[0] is >= '0' and <= '9' && range[1] == '.' && char.IsAsciiDigit(range[2])
                && range.All(one => char.IsAsciiLetterOrDigit(one) || one is '.' or '-' or '+' or '~' or '_'))
            {
                return range;
            }
        }

        return null;
    }

    internal static IGrubFiles Find(Func<string, IGrubFiles>? guest, string? explicitDirectory, IReadOnlyList<string> directories)
    {
        if (explicitDirectory is not null)
        {
            // The directory above i386-pc is what grub-install's own --directory is often mistaken for.
            IReadOnlyList<string> given = [explicitDirectory, Path.Combine(explicitDirectory, "i386-pc")];
            return given.Select(directory => new HostGrubFiles(directory)).FirstOrDefault(IsComplete)
                ?? throw GrubDiagnostics.FilesNotFound.ToException($"it lacks {string.Join(", ", RequiredFiles.Where(name => !new HostGrubFiles(explicitDirectory).Exists(name)))}", explicitDirectory);
        }

        return (guest is null ? null : directories.Select(guest).FirstOrDefault(IsComplete))
            ?? directories.Select(directory => (IGrubFiles)new HostGrubFiles(directory)).FirstOrDefault(IsComplete)
            ?? throw GrubDiagnostics.FilesNotFound.ToException(
                $"{(guest is null ? "" : "neither the guest nor ")}this machine has a complete set; looked in {string.Join(", ", directories)}");
    }

    private static bool IsComplete(IGrubFiles files) => RequiredFiles.All(files.Exists);

    private static IEnumerable<string> SplitStrings(byte[] bytes)
    {
        for (var start = 0; start < bytes.Length;)
        {
            var length = bytes.AsSpan(start).IndexOf((byte)0);
            length = length < 0 ? bytes.Length - start : length;
            if (length is > 0 and < 64)
            {
                yield return Encoding.Latin1.GetString(bytes, start, length);
            }

            start += length + 1;
        }
    }
}
