using System.Globalization;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Boot;

/// <summary>Finds the boot loader configurations of a guest and follows their paths.</summary>
internal sealed class BootConfigurationReader(GuestReader reader)
{
    /// <summary>
    /// In the order in which pygrub looks (xen tools/pygrub): for a PV guest the first file that exists is the one in effect. Behind a boot loader of the guest's own
    /// the same order holds in practice, because only one of them is kept.
    /// </summary>
    private static readonly (string Path, BootConfigurationKind Kind)[] Places =
    [
        ("/boot/grub/grub.cfg", BootConfigurationKind.Grub2),
        ("/grub/grub.cfg", BootConfigurationKind.Grub2),
        ("/boot/grub2/grub.cfg", BootConfigurationKind.Grub2),
        ("/grub2/grub.cfg", BootConfigurationKind.Grub2),
        ("/boot/isolinux/isolinux.cfg", BootConfigurationKind.Extlinux),
        ("/boot/extlinux/extlinux.conf", BootConfigurationKind.Extlinux),
        ("/boot/extlinux.conf", BootConfigurationKind.Extlinux),
        ("/extlinux/extlinux.conf", BootConfigurationKind.Extlinux),
        ("/extlinux.conf", BootConfigurationKind.Extlinux),
        ("/boot/grub/menu.lst", BootConfigurationKind.GrubLegacy),
        ("/boot/grub/grub.conf", BootConfigurationKind.GrubLegacy),
        ("/grub/menu.lst", BootConfigurationKind.GrubLegacy),
        ("/grub/grub.conf", BootConfigurationKind.GrubLegacy),
        ("/etc/lilo.conf", BootConfigurationKind.Lilo), // last: a guest that went over to GRUB often keeps the file
    ];

    /// <summary>On an EFI system partition: Red Hat until 8 and SUSE keep the menu there; on others it is a stub without entries. Red Hat 6 has GRUB legacy there.</summary>
    private static readonly (string Pattern, BootConfigurationKind Kind)[] EfiPlaces =
    [
        ("/boot/efi/EFI/*/grub.cfg", BootConfigurationKind.Grub2),
        ("/boot/efi/EFI/*/grub.conf", BootConfigurationKind.GrubLegacy),
        ("/boot/efi/syslinux/syslinux.cfg", BootConfigurationKind.Extlinux),
        ("/boot/syslinux/syslinux.cfg", BootConfigurationKind.Extlinux),
    ];

    /// <summary>Entries of the Boot Loader Specification, where Red Hat's GRUB and systemd-boot look for them.</summary>
    private static readonly string[] LoaderDirectories = ["/boot/loader", "/boot/efi/loader", "/efi/loader"];

    /// <summary>All configuration files, the one in effect first; two names of one file count once.</summary>
    public IReadOnlyList<FoundConfiguration> Read()
    {
        var found = new List<FoundConfiguration>();
        var seen = new HashSet<(IFileSystem, NodeId)>();
        foreach (var (path, kind) in Places.Concat(EfiPlaces.SelectMany(place => reader.Glob(place.Pattern).Select(path => (path, place.Kind)))))
        {
            if (reader.Find(path) is { Kind: NodeKind.File } node && seen.Add((node.FileSystem, node.Node)) && reader.Text(path) is { } text)
            {
                var menu = ReadMenu(kind, path, text, out var usesLoaderEntries);
                if (menu.Entries.Count > 0 || !path.Contains("/EFI/", StringComparison.Ordinal))
                {
                    found.Add(new FoundConfiguration(kind, path, menu, usesLoaderEntries));
                }
            }
        }

        found.AddRange(LoaderDirectories.SelectMany(ReadLoaderEntries));
        return found;
    }

    /// <summary>Each entry is a file of its own; systemd-boot's default, a pattern in loader.conf, comes first.</summary>
    private IEnumerable<FoundConfiguration> ReadLoaderEntries(string directory)
    {
        var wanted = reader.Text(directory + "/loader.conf") is { } text
            ? GuestLines.Effective(text).Select(line => GuestLines.SplitFirst(line.Text)).Where(line => line.Word == "default").Select(line => line.Tail).LastOrDefault("") : "";
        var environment = Grub2Configuration.ParseEnvironment(reader.Text("/boot/grub2/grubenv") ?? reader.Text("/boot/grub/grubenv") ?? "");
        bool IsWanted(string path) => wanted.Length > 0 && path[(path.LastIndexOf('/') + 1)..].StartsWith(wanted.Split('*')[0].Replace(".conf", "", StringComparison.Ordinal), StringComparison.Ordinal);
        return reader.Glob(directory + "/entries/*.conf").OrderByDescending(IsWanted).ThenByDescending(path => path, VersionOrder.Instance)
            .Select(path => reader.Text(path) is { } entry && LoaderEntry.Parse(path[(path.LastIndexOf('/') + 1)..^".conf".Length], entry, environment) is { } parsed
                ? new FoundConfiguration(BootConfigurationKind.LoaderEntry, path, new BootMenu([parsed], 0)) : null).OfType<FoundConfiguration>();
    }

    /// <summary>Follows the paths of all entries.</summary>
    public IReadOnlyList<FoundEntry> Follow(IReadOnlyList<FoundConfiguration> configurations)
    {
        var entries = new List<FoundEntry>();
        for (var i = 0; i < configurations.Count; i++)
        {
            var (_, path, menu, _) = configurations[i];
            for (var j = 0; j < menu.Entries.Count; j++)
            {
                var entry = menu.Entries[j];
                var image = Locate(entry.KernelPath, path);
                var initramfs = entry.InitramfsPaths.Count > 0 ? Locate(entry.InitramfsPaths[^1], path) : null;
                entries.Add(new FoundEntry(i, j == menu.DefaultIndex, entry, image, initramfs));
                if (image is null && i == 0)
                {
                    reader.Findings.Add(InspectionDiagnostics.EntryLeadsNowhere.Create($"the entry \"{entry.Title}\" names {entry.KernelPath}", path));
                }
            }
        }

        return entries;
    }

    /// <summary>
    /// The guest path of a path that a boot loader sees from the volume of its configuration: with a separate /boot, /vmlinuz there is /boot/vmlinuz in the guest.
    /// </summary>
    private string? Locate(string path, string configuration)
    {
        if (!path.StartsWith('/'))
        {
            return null;
        }

        var mount = MountOf(configuration);
        string[] candidates = mount == "/" ? [path, "/boot" + path] : [mount + path, path];
        return candidates.Concat(FromTopLevel(path, configuration, mount)).FirstOrDefault(reader.IsFile);
    }

    /// <summary>
    /// GRUB sees a Btrfs from its top level: /@/boot/vmlinuz there is /boot/vmlinuz in the guest. With snapper's layout that file has a second path, /.snapshots/1/snapshot/boot/vmlinuz:
    /// the one in the configuration's own tree is meant.
    /// </summary>
    private IEnumerable<string> FromTopLevel(string path, string configuration, string mount)
    {
        if (reader.Find(configuration)?.FileSystem is not ISubvolumes tree)
        {
            return [];
        }

        var found = new List<string>();
        for (var at = path.IndexOf('/', 1); at > 0; at = path.IndexOf('/', at + 1))
        {
            found.Add(mount == "/" ? path[at..] : mount + path[at..]);
        }

        return found.OrderByDescending(one => ReferenceEquals(reader.Find(one)?.FileSystem, tree));
    }

    private string MountOf(string path)
    {
        var fileSystem = reader.Find(path)?.FileSystem;
        return reader.Tree.Mounts.FirstOrDefault(mount => ReferenceEquals(mount.FileSystem, fileSystem)).Path ?? "/";
    }

    private BootMenu ReadMenu(BootConfigurationKind kind, string path, string text, out bool usesLoaderEntries)
    {
        usesLoaderEntries = false;
        var directory = path[..path.LastIndexOf('/')];
        switch (kind)
        {
            case BootConfigurationKind.Grub2:
                var environment = Grub2Configuration.ParseEnvironment(reader.Text(directory + "/grubenv") ?? "");
                var menu = Grub2Configuration.Parse(text, environment, out usesLoaderEntries);
                return usesLoaderEntries ? AddLoaderEntries(menu, environment) : menu;
            case BootConfigurationKind.Lilo:
                return LiloConfiguration.Parse(text);
            case BootConfigurationKind.GrubLegacy:
                var saved = reader.Text(directory + "/default");
                return GrubLegacyConfiguration.Parse(text, saved is not null && int.TryParse(saved.Split('\n')[0].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null);
            default:
                var mount = MountOf(path);
                return ExtlinuxConfiguration.Parse(text, mount == "/" || !directory.StartsWith(mount, StringComparison.Ordinal) ? directory : directory[mount.Length..]);
        }
    }

    /// <summary>Red Hat's blscfg puts the entries of /boot/loader/entries before those of the file, newest first.</summary>
    private BootMenu AddLoaderEntries(BootMenu menu, Dictionary<string, string> environment)
    {
        var entries = new List<BootMenuEntry>();
        foreach (var path in reader.Glob("/boot/loader/entries/*.conf").OrderByDescending(path => path, VersionOrder.Instance))
        {
            var id = path[(path.LastIndexOf('/') + 1)..^".conf".Length];
            if (reader.Text(path) is { } text && LoaderEntry.Parse(id, text, environment) is { } entry)
            {
                entries.Add(entry);
            }
        }

        var saved = environment.GetValueOrDefault("saved_entry", "0");
        var index = int.TryParse(saved, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (number < entries.Count ? number : 0)
            : entries.FindIndex(entry => entry.Id == saved || entry.Title == saved);
        return entries.Count == 0 ? menu : new BootMenu([.. entries, .. menu.Entries], Math.Max(index, 0));
    }
}
