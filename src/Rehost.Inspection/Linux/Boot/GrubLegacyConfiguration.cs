using System.Globalization;

namespace Rehost.Inspection.Linux.Boot;

/// <summary>Reads menu.lst and grub.conf of GRUB legacy (GRUB 0.97 manual, "Configuration").</summary>
internal static class GrubLegacyConfiguration
{
    /// <summary>Reads a menu.</summary>
    /// <param name="text">The file.</param>
    /// <param name="savedDefault">The number in /boot/grub/default, for "default saved"; null when there is none.</param>
    public static BootMenu Parse(string text, int? savedDefault = null)
    {
        var sections = new List<Section>();
        var defaultNumber = 0;
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var (command, rest) = SplitCommand(line);
            var section = sections.Count > 0 ? sections[^1] : null;
            switch (command)
            {
                case "default":
                    defaultNumber = rest == "saved" ? savedDefault ?? 0
                        : int.TryParse(GuestLines.SplitFirst(rest).Word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
                    break;
                case "title":
                    sections.Add(new Section(rest));
                    break;
                case "kernel" when section is not null:
                    section.Kernel = rest;
                    break;
                case "initrd" when section is not null:
                    section.Initramfs = rest;
                    break;
                case "module" or "modulenounzip" when section is not null:
                    section.Modules.Add(rest);
                    break;
            }
        }

        var entries = new List<BootMenuEntry>();
        var defaultIndex = 0;
        for (var i = 0; i < sections.Count; i++)
        {
            if (ToEntry(sections[i]) is { } entry)
            {
                defaultIndex = i == defaultNumber ? entries.Count : defaultIndex;
                entries.Add(entry);
            }
        }

        return new BootMenu(entries, defaultIndex);
    }

    private static BootMenuEntry? ToEntry(Section section)
    {
        if (section.Kernel is null)
        {
            return null;
        }

        var kernel = section.Kernel;
        var initramfs = section.Initramfs;
        if (section.Modules.Count > 0 && Path(kernel).Split('/')[^1].StartsWith("xen", StringComparison.Ordinal))
        {
            // A menu of a dom0 or an old domU: "kernel" is the hypervisor, the first module Linux, the second its initramfs.
            kernel = section.Modules[0];
            initramfs = section.Modules.Count > 1 ? section.Modules[1] : null;
        }

        var words = GuestLines.Words(kernel).SkipWhile(word => word.StartsWith("--", StringComparison.Ordinal)).ToArray();
        return words.Length == 0
            ? null
            : new BootMenuEntry(section.Title, null, BootMenu.StripDevice(words[0]), string.IsNullOrEmpty(initramfs) ? [] : [Path(initramfs)], string.Join(' ', words.Skip(1)));
    }

    private static string Path(string text)
        => BootMenu.StripDevice(GuestLines.Words(text).FirstOrDefault(word => !word.StartsWith("--", StringComparison.Ordinal)) ?? "");

    /// <summary>Command and arguments, between which blanks or one '=' stand.</summary>
    private static (string Command, string Arguments) SplitCommand(string line)
    {
        var end = line.AsSpan().IndexOfAny(" \t=");
        return end < 0 ? (line.ToLowerInvariant(), "") : (line[..end].ToLowerInvariant(), line[end..].TrimStart(' ', '\t', '=').TrimEnd());
    }

    private sealed class Section(string title)
    {
        public string Title => title;

        public string? Kernel { get; set; }

        public string? Initramfs { get; set; }

        public List<string> Modules { get; } = [];
    }
}
