namespace Rehost.Inspection.Linux.Boot;

/// <summary>Reads extlinux.conf, isolinux.cfg, syslinux.cfg (SYSLINUX wiki, "Config"). Keywords in any case.</summary>
internal static class ExtlinuxConfiguration
{
    /// <summary>Reads a menu.</summary>
    /// <param name="text">The file.</param>
    /// <param name="directory">Where the file is, seen from its volume: relative paths start there.</param>
    public static BootMenu Parse(string text, string directory)
    {
        var labels = new List<Label>();
        var defaultName = "";
        var globalAppend = "";
        Label? menuDefault = null;
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var (keyword, rest) = GuestLines.SplitFirst(line);
            var label = labels.Count > 0 ? labels[^1] : null;
            switch (keyword.ToUpperInvariant())
            {
                case "DEFAULT":
                    defaultName = rest;
                    break;
                case "LABEL":
                    labels.Add(new Label(rest));
                    break;
                case "MENU" when label is not null:
                    var (item, value) = GuestLines.SplitFirst(rest);
                    label.Title = item.Equals("LABEL", StringComparison.OrdinalIgnoreCase) ? value.Replace("^", "", StringComparison.Ordinal) : label.Title;
                    menuDefault = item.Equals("DEFAULT", StringComparison.OrdinalIgnoreCase) ? label : menuDefault;
                    break;
                case "KERNEL" or "LINUX" when label is not null:
                    label.Kernel = rest;
                    break;
                case "INITRD" when label is not null:
                    label.Initramfs.AddRange(rest.Split(',', StringSplitOptions.RemoveEmptyEntries));
                    break;
                case "APPEND" when label is not null:
                    label.Append = rest == "-" ? "" : rest;
                    break;
                case "APPEND":
                    globalAppend = rest;
                    break;
            }
        }

        var entries = new List<BootMenuEntry>();
        var wanted = menuDefault ?? labels.Find(label => label.Name == GuestLines.SplitFirst(defaultName).Word);
        var defaultIndex = 0;
        foreach (var label in labels)
        {
            if (ToEntry(label, globalAppend, directory) is { } entry)
            {
                defaultIndex = label == wanted ? entries.Count : defaultIndex;
                entries.Add(entry);
            }
        }

        return new BootMenu(entries, defaultIndex);
    }

    private static BootMenuEntry? ToEntry(Label label, string globalAppend, string directory)
    {
        // "kernel" may also name a COMBOOT module: those end in .c32 and start no Linux.
        if (string.IsNullOrEmpty(label.Kernel) || label.Kernel.EndsWith(".c32", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var initramfs = new List<string>(label.Initramfs);
        var arguments = new List<string>();
        foreach (var word in GuestLines.Words(label.Append ?? globalAppend))
        {
            if (word.StartsWith("initrd=", StringComparison.OrdinalIgnoreCase))
            {
                initramfs.AddRange(word["initrd=".Length..].Split(',', StringSplitOptions.RemoveEmptyEntries));
            }
            else
            {
                arguments.Add(word);
            }
        }

        return new BootMenuEntry(label.Title ?? label.Name, label.Name, Absolute(label.Kernel, directory), [.. initramfs.Select(path => Absolute(path, directory))], string.Join(' ', arguments));
    }

    private static string Absolute(string path, string directory) => path.StartsWith('/') ? path : directory.TrimEnd('/') + "/" + path;

    private sealed class Label(string name)
    {
        public string Name => name;

        public string? Title { get; set; }

        public string? Kernel { get; set; }

        public string? Append { get; set; }

        public List<string> Initramfs { get; } = [];
    }
}
