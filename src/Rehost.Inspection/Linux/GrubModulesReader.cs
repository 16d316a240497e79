namespace Rehost.Inspection.Linux;

/// <summary>Finds the guest's own GRUB 2 modules for BIOS, complete enough to make a core image of.</summary>
internal static class GrubModulesReader
{
    /// <summary>Where distributions keep them: Debian, Arch, Fedora; openSUSE; SLES 11 and 12.</summary>
    private static readonly string[] Directories = ["/usr/lib/grub/i386-pc", "/usr/share/grub2/i386-pc", "/usr/lib/grub2/i386-pc", "/usr/local/lib/grub/i386-pc"];

    /// <summary>What a core image cannot do without.</summary>
    private static readonly string[] Needed = ["boot.img", "diskboot.img", "lzma_decompress.img", "kernel.img", "moddep.lst", "normal.mod"];

    /// <summary>The directory; null when there is none.</summary>
    public static string? Find(GuestReader reader) => Array.Find(Directories, directory => Needed.All(name => reader.IsFile($"{directory}/{name}")));
}
