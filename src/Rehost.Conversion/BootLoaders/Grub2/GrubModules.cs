using System.Collections.Immutable;
using System.Text;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>Which modules need which, from moddep.lst ("name: need need ...").</summary>
public sealed class GrubModules
{
    private const string ListName = "moddep.lst";
    private const int MaximumModules = 2000;

    private readonly Dictionary<string, ImmutableArray<string>> _needs;
    private readonly string _source;

    private GrubModules(Dictionary<string, ImmutableArray<string>> needs, string source)
    {
        _needs = needs;
        _source = source;
    }

    /// <summary>
    /// What a core image of ours holds: enough to read grub.cfg, menu.lst and kernels from MBR and GPT partitions without a module from the disk.
    /// Nothing that switches the screen to graphics (gfxterm, all_video): a machine without a VGA card hangs there. "linux" itself needs vbe, which does nothing by being there.
    /// </summary>
    public static ImmutableArray<string> Full { get; } =
    [
        "biosdisk", "part_msdos", "part_gpt", "ext2", "fat", "xfs", "btrfs", "lvm", "normal", "configfile", "linux", "linux16", "legacycfg",
        "search", "search_fs_uuid", "search_fs_file", "search_label", "serial", "terminal", "test", "regexp", "echo", "sleep", "gzio", "xzio", "lzopio",
        "minicmd", "ls", "cat", "help", "reboot", "halt", "loadenv", "probe", "true", "keystatus", "gettext",
    ];

    /// <summary>The same for UEFI, whose disks the firmware reads. A machine with UEFI always has a screen, but the menu needs no graphics; kernels take the framebuffer from the firmware.</summary>
    public static ImmutableArray<string> FullEfi { get; } = [.. Full.Where(name => name is not ("biosdisk" or "linux16")), "efi_gop", "all_video", "fwsetup", "chain"];

    /// <summary>What fits into the 62 sectors before a partition at sector 63; the rest is loaded from $prefix/i386-pc, where it must be the same version.</summary>
    public static ImmutableArray<string> Small { get; } = ["biosdisk", "part_msdos", "ext2", "search_fs_uuid"];

    /// <summary>Names of all modules.</summary>
    public IEnumerable<string> Names => _needs.Keys;

    /// <summary>Reads moddep.lst.</summary>
    /// <exception cref="DiagnosticException">It is missing (GRB002) or malformed (GRB003).</exception>
    public static GrubModules Read(IGrubFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        return Parse(files.Read(ListName), files.Description);
    }

    /// <summary>The modules of a list that this set of files has, in the list's order: versions differ in what they ship.</summary>
    public ImmutableArray<string> Available(IEnumerable<string> wanted) => [.. wanted.Where(_needs.ContainsKey)];

    /// <summary>The given modules and all they need, each after what it needs: GRUB links them in this order as it starts.</summary>
    /// <exception cref="DiagnosticException">A module is unknown (GRB004) or needs itself (GRB003).</exception>
    public ImmutableArray<string> Close(IEnumerable<string> wanted)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var order = ImmutableArray.CreateBuilder<string>();
        var done = new HashSet<string>(StringComparer.Ordinal);
        var open = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in wanted)
        {
            Add(name, done, open, order);
        }

        return order.ToImmutable();
    }

    /// <summary>
    /// The files that belong into $prefix/i386-pc beside a small core image: the modules with all they need, and the lists by which GRUB finds the module of a
    /// command. Lists that this version lacks are left out.
    /// </summary>
    /// <exception cref="DiagnosticException">As <see cref="Close"/>.</exception>
    public static ImmutableArray<string> FilesForPrefix(IGrubFiles files, IEnumerable<string> modules)
    {
        ArgumentNullException.ThrowIfNull(files);
        string[] lists = ["command.lst", "crypto.lst", "fs.lst", ListName, "partmap.lst", "parttool.lst", "terminal.lst", "video.lst"];
        return [.. Read(files).Close(modules).Select(name => name + ".mod"), .. lists.Where(files.Exists)];
    }

    internal static GrubModules Parse(ReadOnlySpan<byte> list, string source)
    {
        var needs = new Dictionary<string, ImmutableArray<string>>(StringComparer.Ordinal);
        foreach (var line in Encoding.Latin1.GetString(list).Split('\n'))
        {
            if (line.AsSpan().Trim().IsEmpty)
            {
                continue;
            }

            var parts = line.Split(':');
            var name = parts[0].Trim();
            if (parts.Length != 2 || !GrubFileLimits.IsPlainName(name) || needs.Count >= MaximumModules)
            {
                throw GrubDiagnostics.FileMalformed.ToException($"line '{Shorten(line)}' is not 'module: modules'", $"{source}/{ListName}");
            }

            needs[name] = [.. parts[1].Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries)];
        }

        return new GrubModules(needs, source);
    }

    /// <summary>Recursion is no deeper than there are modules, of which there are not many: a cycle ends at once.</summary>
    private void Add(string name, HashSet<string> done, HashSet<string> open, ImmutableArray<string>.Builder order)
    {
        if (done.Contains(name))
        {
            return;
        }

        if (!_needs.TryGetValue(name, out var needs))
        {
            throw GrubDiagnostics.UnknownModule.ToException($"'{Shorten(name)}' is not in {ListName}", _source);
        }

        if (!open.Add(name))
        {
            throw GrubDiagnostics.FileMalformed.ToException($"module {name} needs itself", $"{_source}/{ListName}");
        }

        // The order in which grub-mkimage visits them: it keeps each line as a stack.
        for (var index = needs.Length - 1; index >= 0; index--)
        {
            Add(needs[index], done, open, order);
        }

        done.Add(name);
        order.Add(name);
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
