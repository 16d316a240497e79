using System.Globalization;

namespace Rehost.Inspection.Linux.Boot;

/// <summary>Reads grub.cfg: entries and submenus, the default, environment block. Conditions are not evaluated: an entry inside an if counts.</summary>
internal static class Grub2Configuration
{
    private const int MaximumDepth = 16;

    /// <summary>Reads a menu.</summary>
    /// <param name="text">grub.cfg.</param>
    /// <param name="environment">Variables of the environment block (grubenv); empty when there is none.</param>
    /// <param name="usesLoaderEntries">Whether the file takes entries from /boot/loader/entries (blscfg, a patch of Red Hat's).</param>
    public static BootMenu Parse(string text, IReadOnlyDictionary<string, string> environment, out bool usesLoaderEntries)
    {
        var root = new Node("", null);
        var open = new Stack<Node?>();
        var current = root;
        var opening = (Node?)null;
        var defaults = new List<string>();
        usesLoaderEntries = false;

        foreach (var words in Grub2Words.Commands(text))
        {
            switch (words[0])
            {
                case "menuentry" or "submenu":
                    opening = ReadHeader(words);
                    current.Children.Add(opening);
                    break;
                case "{":
                    // A brace that no entry opened belongs to a function or another block.
                    open.Push(opening is null ? null : current);
                    current = opening is not null && open.Count <= MaximumDepth ? opening : current;
                    opening = null;
                    break;
                case "}":
                    current = open.TryPop(out var outer) && outer is not null ? outer : current;
                    break;
                case "linux" or "linux16" or "linuxefi" when words.Count > 1 && current != root:
                    current.Kernel ??= BootMenu.StripDevice(words[1]);
                    current.Arguments ??= Grub2Words.Join(words.Skip(2));
                    break;
                case "initrd" or "initrd16" or "initrdefi" when current != root:
                    current.Initramfs.AddRange(words.Skip(1).Select(BootMenu.StripDevice));
                    break;
                case "set" when words.Count > 1 && words[1].StartsWith("default=", StringComparison.Ordinal):
                    defaults.Add(words[1]["default=".Length..]);
                    break;
                case "blscfg":
                    usesLoaderEntries = true;
                    break;
            }
        }

        var entries = new List<(Node Node, BootMenuEntry Entry)>();
        Flatten(root, entries);
        var wanted = Default(defaults, environment);
        var chosen = Choose(root, wanted);
        var index = chosen is null ? -1 : entries.FindIndex(entry => entry.Node == chosen);
        return new BootMenu([.. entries.Select(entry => entry.Entry)], Math.Max(index, 0));
    }

    /// <summary>Variables of an environment block: 1024 bytes, a line "# GRUB Environment Block", lines name=value, filled up with '#'.</summary>
    public static Dictionary<string, string> ParseEnvironment(string text)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                variables[line[..equals]] = line[(equals + 1)..];
            }
        }

        return variables;
    }

    /// <summary>
    /// What "default" is after the file ran: update-grub writes it in two branches, of which the one with next_entry is for a single boot (grub-reboot) only.
    /// </summary>
    public static string Default(IEnumerable<string> assignments, IReadOnlyDictionary<string, string> environment)
    {
        var value = assignments.LastOrDefault(one => !one.Contains("next_entry", StringComparison.Ordinal)) ?? "0";
        return value is "${saved_entry}" or "$saved_entry" ? environment.GetValueOrDefault("saved_entry", "0") : value;
    }

    /// <summary>A title or id, or a number; a path of these with '>' for submenus.</summary>
    private static Node? Choose(Node root, string wanted)
    {
        // A title may hold '>' itself: the whole is tried first, as GRUB does with its escaped form.
        var node = Child(root, wanted) ?? wanted.Split('>').Aggregate((Node?)root, (parent, part) => parent is null ? null : Child(parent, part));
        while (node is { Kernel: null, Children.Count: > 0 } && node != root)
        {
            node = node.Children[0];
        }

        return node == root ? null : node;
    }

    private static Node? Child(Node parent, string wanted)
        => int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (number < parent.Children.Count ? parent.Children[number] : null)
            : parent.Children.FirstOrDefault(child => child.Id == wanted) ?? parent.Children.FirstOrDefault(child => child.Title == wanted);

    /// <summary>menuentry 'Title' --class x --id y, or Debian's $menuentry_id_option 'y'.</summary>
    private static Node ReadHeader(IReadOnlyList<string> words)
    {
        string? title = null;
        string? id = null;
        for (var i = 1; i < words.Count; i++)
        {
            var word = words[i];
            if (word is "--id" or "$menuentry_id_option" or "${menuentry_id_option}")
            {
                id = ++i < words.Count ? words[i] : null;
            }
            else if (word is "--class" or "--users" or "--hotkey")
            {
                i++;
            }
            else if (word.StartsWith("--id=", StringComparison.Ordinal))
            {
                id = word["--id=".Length..];
            }
            else if (!word.StartsWith("--", StringComparison.Ordinal))
            {
                title ??= word;
            }
        }

        return new Node(title ?? "", id);
    }

    private static void Flatten(Node node, List<(Node Node, BootMenuEntry Entry)> entries)
    {
        foreach (var child in node.Children)
        {
            if (child.Kernel is not null)
            {
                entries.Add((child, new BootMenuEntry(child.Title, child.Id, child.Kernel, child.Initramfs, child.Arguments ?? "")));
            }

            Flatten(child, entries);
        }
    }

    private sealed class Node(string title, string? id)
    {
        public string Title => title;

        public string? Id => id;

        public List<Node> Children { get; } = [];

        public string? Kernel { get; set; }

        public string? Arguments { get; set; }

        public List<string> Initramfs { get; } = [];
    }
}
