using Rehost.Archives;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>Tells the program that made an initramfs by the files that it always puts in.</summary>
internal sealed class GeneratorSigns
{
    /// <summary>SUSE's script has 20 KiB, genkernel's 40.</summary>
    private const int MaximumScript = 1 << 18;

    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private byte[]? _script;

    /// <summary>Paths by which the generators are known.</summary>
    private static readonly HashSet<string> Telling = new(StringComparer.Ordinal)
    {
        "conf/initramfs.conf", "scripts/functions", "init_functions", "config", "hooks", "run_all.sh", "mkinitrd.config", "lib/mkinitrd", "bin/nash", "sbin/nash",
        "lib/dracut-lib.sh", "usr/lib/dracut-lib.sh", "lib/dracut", "usr/lib/dracut", "lib/dracut/hooks", "usr/lib/dracut/hooks", "var/lib/dracut/hooks", "pre-udev", "initqueue",
        "buildconfig", "usr/lib/systemd/systemd", "etc/initrd.scripts", "etc/initrd.defaults", "sbin/nlplug-findfs", "usr/bin/nlplug-findfs", "usr/sbin/nlplug-findfs", "rehost/start",
    };

    /// <summary>The generator.</summary>
    public InitramfsGenerator Generator
        => DracutHooks is not null ? InitramfsGenerator.Dracut
        : Has("conf/initramfs.conf") || Has("scripts/functions") ? InitramfsGenerator.InitramfsTools
        : (Has("init_functions") || Has("buildconfig")) && (Has("config") || Has("hooks")) ? InitramfsGenerator.Mkinitcpio
        : IsNash || Has("bin/nash") || Has("sbin/nash") ? InitramfsGenerator.Nash
        : Has("run_all.sh") || Has("mkinitrd.config") || Has("lib/mkinitrd") ? InitramfsGenerator.SuseMkinitrd
        : Has("etc/initrd.scripts") || Has("etc/initrd.defaults") ? InitramfsGenerator.Genkernel
        : Has("sbin/nlplug-findfs") || Has("usr/bin/nlplug-findfs") || Has("usr/sbin/nlplug-findfs") ? InitramfsGenerator.Mkinitfs
        : Has("rehost/start") ? InitramfsGenerator.Rehost
        : InitramfsGenerator.Unknown;

    /// <summary>
    /// Directory of dracut's hooks; without hooks, where this dracut looks for them; dracut 004 (Red Hat 6) had them at the root, which is "". In newer ones (dracut-ng) the place
    /// below lib is a link to the one below var, so that comes first: a prefix that makes a directory of the link would hide the hooks.
    /// </summary>
    private string? DracutHooks
        => ((string[])["var/lib/dracut/hooks", "usr/lib/dracut/hooks", "lib/dracut/hooks"]).FirstOrDefault(Has)
        ?? (Has("usr/lib/dracut") ? "usr/lib/dracut/hooks" : Has("lib/dracut") ? "lib/dracut/hooks" : null)
        ?? (Has("pre-udev") && (Has("lib/dracut-lib.sh") || Has("initqueue")) ? "" : null);

    /// <summary>Where a hook goes that loads drivers: dracut's hooks, or systemd's units in an image of mkinitcpio that systemd starts; null for others.</summary>
    public string? HooksPath => DracutHooks ?? (Generator == InitramfsGenerator.Mkinitcpio && Has("usr/lib/systemd/systemd") && InitScript is null ? "etc/systemd/system" : null);

    /// <summary>Path of the program that the kernel starts; null when there is none. The kernel knows /init (and, of an old initrd, /linuxrc) only.</summary>
    public string? InitPath { get; private set; }

    /// <summary>Text of that program where it is a script and the generator takes no hooks; null otherwise.</summary>
    public string? InitScript
        => _script is { } script && script.AsSpan().StartsWith("#!"u8) && !script.AsSpan().Contains((byte)0) && Generator is not (InitramfsGenerator.InitramfsTools or InitramfsGenerator.Dracut)
            ? GuestText.Decode(script) : null;

    private bool IsNash => _script is { } script && FirstLine(script) is var line && line.StartsWith("#!"u8) && line.IndexOf("nash"u8) >= 0;

    /// <summary>Takes note of an entry.</summary>
    public void Note(InitramfsFile file)
    {
        var path = file.Path;
        for (var end = path.Length; end > 0; end = path.LastIndexOf('/', end - 1))
        {
            // Parents count as well: archives need not have entries for directories.
            var part = path[..end];
            if (Telling.Contains(part))
            {
                _seen.Add(part);
            }
        }

        if (path == "init" || (path == "linuxrc" && InitPath != "init"))
        {
            InitPath = path;
            _script = file.Entry is { IsFile: true, Size: > 0 and <= MaximumScript } ? file.ReadAll(MaximumScript) : null;
        }
    }

    private static ReadOnlySpan<byte> FirstLine(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOf((byte)'\n');
        return end < 0 ? text : text[..end];
    }

    private bool Has(string path) => _seen.Contains(path);
}
