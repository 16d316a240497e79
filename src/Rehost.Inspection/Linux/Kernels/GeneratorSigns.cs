using Rehost.Archives;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>Tells the program that made an initramfs by the files that it always puts in.</summary>
internal sealed class GeneratorSigns
{
    private const int NashHead = 32;
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private bool _isNash;

    /// <summary>Paths by which the generators are known.</summary>
    private static readonly HashSet<string> Telling = new(StringComparer.Ordinal)
    {
        "conf/initramfs.conf", "scripts/functions", "init_functions", "config", "hooks", "run_all.sh", "mkinitrd.config", "lib/mkinitrd", "bin/nash", "sbin/nash",
        "lib/dracut-lib.sh", "usr/lib/dracut-lib.sh", "lib/dracut", "usr/lib/dracut", "lib/dracut/hooks", "usr/lib/dracut/hooks", "var/lib/dracut/hooks", "pre-udev", "initqueue",
    };

    /// <summary>The generator.</summary>
    public InitramfsGenerator Generator
        => HooksPath is not null ? InitramfsGenerator.Dracut
        : Has("conf/initramfs.conf") || Has("scripts/functions") ? InitramfsGenerator.InitramfsTools
        : Has("init_functions") && (Has("config") || Has("hooks")) ? InitramfsGenerator.Mkinitcpio
        : _isNash || Has("bin/nash") || Has("sbin/nash") ? InitramfsGenerator.Nash
        : Has("run_all.sh") || Has("mkinitrd.config") || Has("lib/mkinitrd") ? InitramfsGenerator.SuseMkinitrd
        : InitramfsGenerator.Unknown;

    /// <summary>
    /// Directory of dracut's hooks; without hooks, where this dracut looks for them; dracut 004 (Red Hat 6) had them at the root, which is "". In newer ones (dracut-ng) the place
    /// below lib is a link to the one below var, so that comes first: a prefix that makes a directory of the link would hide the hooks.
    /// </summary>
    public string? HooksPath
        => ((string[])["var/lib/dracut/hooks", "usr/lib/dracut/hooks", "lib/dracut/hooks"]).FirstOrDefault(Has)
        ?? (Has("usr/lib/dracut") ? "usr/lib/dracut/hooks" : Has("lib/dracut") ? "lib/dracut/hooks" : null)
        ?? (Has("pre-udev") && (Has("lib/dracut-lib.sh") || Has("initqueue")) ? "" : null);

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

        if ((path is "init" or "linuxrc") && file.Entry.IsFile)
        {
            Span<byte> head = stackalloc byte[NashHead];
            var count = file.Read(head);
            _isNash |= head[..count].StartsWith("#!"u8) && head[..count].IndexOf("nash"u8) >= 0;
        }
    }

    private bool Has(string path) => _seen.Contains(path);
}
