namespace Rehost.Inspection.Linux;

/// <summary>Finds the guest's own GRUB 2 modules for BIOS, complete enough to make a core image of.</summary>
internal static class GrubModulesReader
{
    /// <summary>Where distributions keep them: Debian, Arch, Fedora; openSUSE; SLES 11 and 12.</summary>
    private static readonly string[] Directories = ["/usr/lib/grub/i386-pc", "/usr/share/grub2/i386-pc", "/usr/lib/grub2/i386-pc", "/usr/local/lib/grub/i386-pc"];

    /// <summary>The same for UEFI on x86-64.</summary>
    private static readonly string[] EfiDirectories = ["/usr/lib/grub/x86_64-efi", "/usr/share/grub2/x86_64-efi", "/usr/lib/grub2/x86_64-efi", "/usr/local/lib/grub/x86_64-efi"];

    /// <summary>What a core image cannot do without.</summary>
    private static readonly string[] Needed = ["boot.img", "diskboot.img", "lzma_decompress.img", "kernel.img", "moddep.lst", "normal.mod"];

    /// <summary>The directory; null when there is none.</summary>
    public static string? Find(GuestReader reader) => Array.Find(Directories, directory => Needed.All(name => reader.IsFile($"{directory}/{name}")));

    /// <summary>The directory of the modules for UEFI; null when there is none.</summary>
    public static string? FindEfi(GuestReader reader) => Array.Find(EfiDirectories, directory => Needed.Where(name => !name.EndsWith(".img", StringComparison.Ordinal) || name == "kernel.img").All(name => reader.IsFile($"{directory}/{name}")));
}
