using System.Text.RegularExpressions;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Packages;

/// <summary>Adds an entry for a new kernel to the guest's boot menu, before all others and as the default (S0.18, S0.20): the guest's own default entry with this kernel and its initramfs in place of its own, so that the arguments are the guest's.</summary>
internal sealed partial class KernelMenuEntry(GuestTree tree, GuestFacts facts)
{
    private static readonly string[] EnvironmentBlocks = ["/boot/grub2/grubenv", "/boot/grub/grubenv"];

    /// <summary>Texts of the changed files: path, content before (null for a new one), content after.</summary>
    public IEnumerable<(string Path, string? Before, string After)> Add(string version, string? initramfs)
    {
        var loader = false;
        foreach (var configuration in facts.BootConfigurations)
        {
            if (tree.TryResolve(configuration.Path)?.Kind != NodeKind.File)
            {
                continue;
            }

            var text = tree.ReadText(configuration.Path);
            var after = configuration.Kind switch
            {
                BootConfigurationKind.GrubLegacy => Legacy(text, configuration, version, initramfs),
                BootConfigurationKind.Grub2 when !configuration.UsesLoaderEntries => Grub2(text, version, initramfs),
                BootConfigurationKind.Extlinux => Extlinux(text, configuration, version, initramfs),
                _ => text,
            };
            if (after != text)
            {
                yield return (configuration.Path, text, after);
            }

            if (configuration is { Kind: BootConfigurationKind.LoaderEntry, Entries: [{ KernelVersion: { } old } entry, ..] } && !loader && IsDefault(old))
            {
                loader = true;
                var path = configuration.Path.Contains(old, StringComparison.Ordinal) ? configuration.Path.Replace(old, version, StringComparison.Ordinal) : $"{configuration.Path[..configuration.Path.LastIndexOf('/')]}/{version}.conf";
                yield return (path, null, LoaderEntry(text, entry, old, version, initramfs));
                foreach (var change in SaveDefault(path[(path.LastIndexOf('/') + 1)..^".conf".Length]))
                {
                    yield return change;
                }
            }
        }
    }

    private bool IsDefault(string version) => facts.Kernels.FirstOrDefault(kernel => kernel.IsDefault)?.Version is not { } wanted || wanted == version;

    private static string Legacy(string text, BootConfiguration configuration, string version, string? initramfs)
    {
        var lines = text.Split('\n').ToList();
        var starts = lines.Select((line, index) => (line, index)).Where(item => Title().IsMatch(item.line)).Select(item => item.index).ToList();
        if (starts.Count == 0)
        {
            return text;
        }

        List<string> Stanza(int index) => lines[starts[index]..(index + 1 < starts.Count ? starts[index + 1] : lines.Count)].TakeWhile(line => !line.StartsWith("###", StringComparison.Ordinal)).ToList();
        var order = Enumerable.Range(0, starts.Count).OrderBy(index => index == configuration.DefaultIndex ? 0 : 1);
        var model = order.Select(Stanza).FirstOrDefault(stanza => stanza.Exists(line => LegacyKernel().Match(line) is { Success: true } kernel && !IsHypervisor(kernel.Groups["path"].Value)))
            ?? order.Select(Stanza).FirstOrDefault(stanza => stanza.Exists(line => Module().IsMatch(line) && line.Contains("root=", StringComparison.Ordinal)));
        if (model is null)
        {
            return text;
        }

        var made = new List<string> { $"title Linux ({version}, added by Rehost)" };
        foreach (var line in model.Skip(1).Where(line => line.Trim().Length > 0))
        {
            var kernel = LegacyKernel().Match(line);
            if (kernel.Success && IsHypervisor(kernel.Groups["path"].Value))
            {
                continue; // Of a host of virtual machines: the kernel comes as its module.
            }

            var module = Module().Match(line);
            if (kernel.Success || (module.Success && line.Contains("root=", StringComparison.Ordinal)))
            {
                var match = kernel.Success ? kernel : module;
                made.Add($"\tkernel {Beside(match.Groups["path"].Value, "/vmlinuz-" + version)}{match.Groups["tail"].Value}");
                if (initramfs is not null)
                {
                    made.Add($"\tinitrd {Beside(match.Groups["path"].Value, NameOf(initramfs))}");
                }
            }
            else if (!Initrd().IsMatch(line) && !module.Success)
            {
                made.Add(line);
            }
        }

        lines.InsertRange(starts[0], made);
        var edited = string.Join('\n', lines);
        return LegacyDefault().IsMatch(edited) ? LegacyDefault().Replace(edited, "${head}0", 1) : "default=0\n" + edited;
    }

    private string Grub2(string text, string version, string? initramfs)
    {
        var lines = text.Split('\n').ToList();
        var blocks = new List<(int Start, int End)>();
        for (var i = 0; i < lines.Count; i++)
        {
            if (MenuEntry().IsMatch(lines[i]))
            {
                var end = lines.FindIndex(i, line => line.Trim() == "}");
                if (end > i)
                {
                    blocks.Add((i, end));
                    i = end;
                }
            }
        }

        var wanted = facts.Kernels.FirstOrDefault(kernel => kernel.IsDefault) is { } kernel ? NameOf(kernel.ImagePath) : "";
        var models = blocks.Where(block => lines[block.Start..block.End].Exists(line => Grub2Kernel().IsMatch(line))).ToList();
        if (models.Count == 0)
        {
            return text;
        }

        var model = models.Find(block => lines[block.Start..block.End].Exists(line => Grub2Kernel().Match(line) is { Success: true } match && match.Groups["path"].Value.EndsWith(wanted, StringComparison.Ordinal)));
        model = model == default ? models[0] : model;
        var first = lines.FindIndex(line => MenuEntry().IsMatch(line) || line.StartsWith("submenu ", StringComparison.Ordinal));
        var made = new List<string> { $"menuentry 'Linux {version} (added by Rehost)' $menuentry_id_option 'rehost-{version}' {{" };
        string? directory = null;
        foreach (var line in lines[(model.Start + 1)..(model.End + 1)])
        {
            if (Grub2Kernel().Match(line) is { Success: true } linux)
            {
                directory = linux.Groups["path"].Value;
                made.Add(linux.Groups["head"].Value + Beside(directory, "/vmlinuz-" + version) + linux.Groups["tail"].Value);
            }
            else if (Grub2Initrd().Match(line) is { Success: true } initrd)
            {
                if (initramfs is not null)
                {
                    made.Add(initrd.Groups["head"].Value + Beside(directory ?? initrd.Groups["path"].Value, NameOf(initramfs)));
                }
            }
            else if (!line.TrimStart().StartsWith("echo", StringComparison.Ordinal))
            {
                made.Add(line.Trim() == "}" ? "}" : line);
            }
        }

        lines.InsertRange(first, made);
        return Grub2Default().Replace(string.Join('\n', lines), "${head}\"0\"");
    }

    private static string Extlinux(string text, BootConfiguration configuration, string version, string? initramfs)
    {
        var lines = text.Split('\n').ToList();
        var starts = lines.Select((line, index) => (line, index)).Where(item => Label().IsMatch(item.line)).Select(item => item.index).ToList();
        if (starts.Count == 0)
        {
            return text;
        }

        var index = Math.Min(configuration.DefaultIndex, starts.Count - 1);
        var made = new List<string> { $"label rehost-{version}" };
        foreach (var line in lines[(starts[index] + 1)..(index + 1 < starts.Count ? starts[index + 1] : lines.Count)].Where(line => line.Trim().Length > 0))
        {
            var file = ExtlinuxFile().Match(line);
            if (!file.Success)
            {
                made.Add(MenuLabel().IsMatch(line) ? $"\tmenu label Linux {version} (added by Rehost)" : line);
            }
            else if (!file.Groups["key"].Value.Equals("initrd", StringComparison.OrdinalIgnoreCase))
            {
                made.Add(file.Groups["head"].Value + Beside(file.Groups["path"].Value, "/vmlinuz-" + version));
            }
            else if (initramfs is not null)
            {
                made.Add(file.Groups["head"].Value + Beside(file.Groups["path"].Value, NameOf(initramfs)));
            }
        }

        lines.InsertRange(starts[0], made);
        return ExtlinuxDefault().Replace(string.Join('\n', lines), $"${{head}}rehost-{version}", 1);
    }

    private static string LoaderEntry(string text, BootEntry entry, string old, string version, string? initramfs)
        => string.Join('\n', text.Split('\n').Select(line => LoaderFile().Match(line) is { Success: true } file
            ? file.Groups["key"].Value == "linux" ? file.Groups["head"].Value + Beside(entry.KernelPath, "/vmlinuz-" + version) : initramfs is null ? "" : file.Groups["head"].Value + Beside(entry.KernelPath, NameOf(initramfs)) + file.Groups["variables"].Value
            : line.StartsWith("options", StringComparison.Ordinal) ? line : line.Replace(old, version, StringComparison.Ordinal)));

    // The environment block keeps its 1024 bytes.
    private IEnumerable<(string Path, string? Before, string After)> SaveDefault(string id)
    {
        foreach (var path in EnvironmentBlocks.Where(path => tree.TryResolve(path)?.Kind == NodeKind.File))
        {
            var block = tree.ReadText(path);
            var edited = SavedEntry().Replace(block, "saved_entry=" + id).TrimEnd('#');
            if (SavedEntry().IsMatch(block) && edited.Length <= block.Length)
            {
                yield return (path, block, edited.PadRight(block.Length, '#'));
            }
        }
    }

    private static bool IsHypervisor(string path) => NameOf(path).StartsWith("/xen", StringComparison.Ordinal);

    private static string NameOf(string path) => path[Math.Max(0, path.LastIndexOf('/'))..];

    private static string Beside(string path, string name) => path[..Math.Max(0, path.LastIndexOf('/'))] + name;

    [GeneratedRegex(@"^\s*title\b", RegexOptions.CultureInvariant)]
    private static partial Regex Title();

    [GeneratedRegex(@"^\s*kernel\s+(--\S+\s+)*(?<path>\S+)(?<tail>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex LegacyKernel();

    [GeneratedRegex(@"^\s*module\s+(?<path>\S+)(?<tail>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Module();

    [GeneratedRegex(@"^\s*initrd\s", RegexOptions.CultureInvariant)]
    private static partial Regex Initrd();

    [GeneratedRegex(@"^(?<head>default[ \t=]+)\S+", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex LegacyDefault();

    [GeneratedRegex(@"^\s*menuentry\s", RegexOptions.CultureInvariant)]
    private static partial Regex MenuEntry();

    [GeneratedRegex(@"^(?<head>\s*(linux|linux16|linuxefi)\s+)(?<path>\S+)(?<tail>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Kernel();

    [GeneratedRegex(@"^(?<head>\s*(initrd|initrd16|initrdefi)\s+)(?<path>\S+)", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Initrd();

    [GeneratedRegex(@"^(?<head>\s*set default=)(""[0-9]+""|[0-9]+|""\$\{saved_entry\}"")\s*$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Default();

    [GeneratedRegex(@"^\s*label\s", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Label();

    [GeneratedRegex(@"^\s*menu\s+label\s", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex MenuLabel();

    [GeneratedRegex(@"^(?<head>\s*(?<key>kernel|linux|initrd)\s+)(?<path>\S+)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ExtlinuxFile();

    [GeneratedRegex(@"^(?<head>\s*default\s+)\S+", RegexOptions.Multiline | RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ExtlinuxDefault();

    [GeneratedRegex(@"^(?<head>(?<key>linux|initrd)\s+)(?<path>\S+)(?<variables>(\s+\$\S+)*)\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex LoaderFile();

    [GeneratedRegex(@"^saved_entry=.*$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex SavedEntry();
}
