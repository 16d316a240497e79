using System.Collections.Immutable;
using System.Text;
using Rehost.Archives;
using Rehost.Model;

namespace Rehost.Conversion.Initramfs;

/// <summary>
/// The archive that goes in front of an initramfs (docs/decisions/0002): decompressed modules in /rehost and a hook of the initramfs's own generator that loads them, dependencies first.
/// Nothing of the main archive is replaced, and no directory is named that may be a symbolic link in it.
/// </summary>
public static class InitramfsPrefix
{
    /// <summary>Directory of the modules inside the archive.</summary>
    public const string Directory = "rehost";

    /// <summary>File that marks an archive as ours and says how long it is.</summary>
    internal const string Marker = Directory + "/prefix";

    // Scripts that run before busybox has made its links find insmod only by asking busybox.
    // kmod and busybox do by what name they are called: where an initramfs has modprobe and no insmod, this link is one.
    private const string SpareInsmod = Directory + "/insmod";

    private const string UnitName = "rehost.service";

    private const int Alignment = 512;

    // dracut looks for hooks below /usr/lib/dracut; until 2011 (dracut 004 of RHEL 6) they were at the root of the archive.
    private const string OldDracutHooks = "pre-udev";

    /// <summary>Makes the archive.</summary>
    /// <param name="modules">File names (virtio_blk.ko) and decompressed content, in the order in which they are loaded.</param>
    /// <param name="generator">The program that made the initramfs, which decides the form of the hook.</param>
    /// <param name="hooksPath">dracut's directory of hooks inside the archive, without leading slash; null for others.</param>
    /// <returns>An uncompressed newc archive, padded to a multiple of 512 bytes.</returns>
    /// <exception cref="DiagnosticException">The generator's hooks are not known (CNV010).</exception>
    public static byte[] Build(IReadOnlyList<(string Name, ReadOnlyMemory<byte> Content)> modules, InitramfsGenerator generator, string? hooksPath) => Build(modules, generator, hooksPath, []);

    /// <summary>Makes the archive with more files in it.</summary>
    /// <param name="modules">File names (virtio_blk.ko) and decompressed content, in the order in which they are loaded.</param>
    /// <param name="generator">The program that made the initramfs, which decides the form of the hook.</param>
    /// <param name="hooksPath">dracut's directory of hooks inside the archive, without leading slash; null for others.</param>
    /// <param name="files">Files below directories that are no links in any initramfs: rehost, etc.</param>
    /// <returns>An uncompressed newc archive, padded to a multiple of 512 bytes.</returns>
    /// <exception cref="DiagnosticException">The generator's hooks are not known (CNV010).</exception>
    public static byte[] Build(IReadOnlyList<(string Name, ReadOnlyMemory<byte> Content)> modules, InitramfsGenerator generator, string? hooksPath, IReadOnlyList<ArchiveText> files)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(files);
        var hook = HookPath(generator, hooksPath);
        using var output = new MemoryStream();
        var archive = new CpioWriter(output);
        archive.AddDirectory(Directory);
        foreach (var (name, content) in modules)
        {
            archive.AddFile($"{Directory}/{Appliers.ModuleFile.NameOf(name)}.ko", content.Span);
        }

        archive.AddSymbolicLink(SpareInsmod, "/sbin/modprobe");
        archive.AddFile(Marker, "made by Rehost: drivers of the hypervisor that this machine was moved to\n"u8);
        var names = modules.Select(module => Appliers.ModuleFile.NameOf(module.Name));
        var script = Encoding.ASCII.GetBytes(generator == InitramfsGenerator.Mkinitcpio ? Unit(names) : Script(names));
        foreach (var directory in HookDirectories(generator, hooksPath))
        {
            archive.AddDirectory(directory);
        }

        archive.AddFile(hook, script, generator == InitramfsGenerator.Dracut ? 0x1ED : 0x1A4);
        if (generator == InitramfsGenerator.Mkinitcpio)
        {
            archive.AddSymbolicLink($"{UnitWants(hooksPath)}/{UnitName}", $"../{UnitName}");
        }

        var made = HookDirectories(generator, hooksPath).Append(Directory).ToHashSet(StringComparer.Ordinal);
        foreach (var file in files)
        {
            foreach (var directory in Parts(file.Path).SkipLast(1).Where(made.Add))
            {
                archive.AddDirectory(directory);
            }

            archive.AddFile(file.Path, GuestText.Encode(file.Content), file.Permissions);
        }

        archive.Finish(Alignment);
        return output.ToArray();
    }

    /// <summary>How many bytes at the head of an initramfs are an archive of ours from an earlier conversion; 0 when there is none.</summary>
    /// <param name="head">The first bytes; an archive of ours is found only when it is in them whole.</param>
    public static int FindExisting(ReadOnlyMemory<byte> head)
    {
        if (!head.Span.StartsWith("070701"u8))
        {
            return 0;
        }

        var isOurs = false;
        var length = NewcWalk.Run(head.Span, name => isOurs |= name.SequenceEqual("rehost/prefix"u8));
        if (!isOurs || length == 0)
        {
            return 0;
        }

        // Only our own padding is taken away: when a stranger has cut it off, what follows is the guest's.
        var padded = Math.Min(head.Length, (length + Alignment - 1) / Alignment * Alignment);
        return head.Span[length..padded].ContainsAnyExcept((byte)0) ? length : padded;
    }

    // The generators' own scripts source this, so it runs in a subshell: nothing of it stays behind, and nothing in it may end a boot. Old ones call it before they set a PATH.
    // What failed is tried again as long as others succeed, should the order be wrong for this kernel; what is in the kernel already is left out.
    internal static string Script(IEnumerable<string> modules) => $$"""
        # Drivers of the hypervisor that this machine was moved to.
        (
        PATH="${PATH:+$PATH:}/sbin:/usr/sbin:/bin:/usr/bin"
        export PATH
        load() { insmod "$1" || /{{SpareInsmod}} "$1" || busybox insmod "$1" || kmod insmod "$1"; }
        rest="{{string.Concat(modules.Select(module => $" {module}"))}}"
        while [ -n "$rest" ]; do
            failed=
            for module in $rest; do
                [ -d "/sys/module/$module" ] || load "/{{Directory}}/$module.ko" >/dev/null 2>&1 || failed="$failed $module"
            done
            [ "$failed" = "$rest" ] && break
            rest="$failed"
        done
        message="rehost: drivers loaded"
        [ -z "$rest" ] || message="rehost: not loaded:$rest"
        [ -c /dev/kmsg ] && echo "$message" >/dev/kmsg || :
        ) || :

        """.ReplaceLineEndings("\n");

    private static string HookPath(InitramfsGenerator generator, string? hooksPath) => generator switch
    {
        // Read by /init itself, before it looks for anything (initramfs-tools(7)).
        InitramfsGenerator.InitramfsTools => "conf/conf.d/zz-rehost",
        InitramfsGenerator.Dracut => $"{Hooks(hooksPath)}/00-rehost.sh",
        InitramfsGenerator.Mkinitcpio when hooksPath is not null => $"{hooksPath}/{UnitName}",
        _ => throw Appliers.ApplyDiagnostics.Contradiction.ToException($"no hook is known for an initramfs made by {generator}"),
    };

    private static ImmutableArray<string> HookDirectories(InitramfsGenerator generator, string? hooksPath)
    {
        if (generator == InitramfsGenerator.InitramfsTools)
        {
            return ["conf", "conf/conf.d"];
        }

        if (generator == InitramfsGenerator.Mkinitcpio)
        {
            return [.. Parts(UnitWants(hooksPath))]; // /etc is a directory in every such image, and so is what lies below it
        }

        // Every part of the path is a directory in the main archive, not a link: its entries are listed below that very path, and archivers do not follow links.
        return [.. Parts(Hooks(hooksPath))];
    }

    private static IEnumerable<string> Parts(string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = path.IndexOf('/', slash + 1))
        {
            yield return path[..slash];
        }

        yield return path;
    }

    private static string UnitWants(string? hooksPath) => $"{hooksPath}/sysinit.target.wants";

    // systemd itself starts insmod: such an image may have no shell. A driver that is there already is no failure.
    private static string Unit(IEnumerable<string> modules) => "[Unit]\nDescription=Drivers of the hypervisor that this machine was moved to\nDefaultDependencies=no\nBefore=systemd-udevd.service initrd-root-device.target\n\n"
        + "[Service]\nType=oneshot\nRemainAfterExit=yes\n" + string.Concat(modules.Select(module => $"ExecStart=-/{SpareInsmod} /{Directory}/{module}.ko\n"));

    private static string Hooks(string? hooksPath)
    {
        var path = hooksPath?.Trim('/');
        return path is null or "" ? OldDracutHooks : path.EndsWith("/pre-udev", StringComparison.Ordinal) || path == OldDracutHooks ? path : $"{path}/{OldDracutHooks}";
    }
}
