using System.Globalization;

namespace Rehost.Inspection.Linux.Boot;

/// <summary>Reads lilo.conf (lilo.conf(5)): global options, then a section for each image= and other=.</summary>
internal static class LiloConfiguration
{
    /// <summary>Reads a menu.</summary>
    public static BootMenu Parse(string text)
    {
        var global = new Section("");
        var sections = new List<Section>();
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            var key = (equals < 0 ? line : line[..equals]).Trim();
            var value = equals < 0 ? "" : Unquote(line[(equals + 1)..].Trim());
            if (key is "image" or "other")
            {
                sections.Add(new Section(key == "image" ? value : ""));
            }
            else
            {
                (sections.Count > 0 ? sections[^1] : global).Values[key] = value;
            }
        }

        var entries = new List<BootMenuEntry>();
        var wanted = global.Values.GetValueOrDefault("default", "");
        var index = 0;
        foreach (var section in sections.Where(section => section.Image.StartsWith('/')))
        {
            var label = section.Values.GetValueOrDefault("label", section.Image[(section.Image.LastIndexOf('/') + 1)..]);
            if (label == wanted || section.Values.GetValueOrDefault("alias", "") is { Length: > 0 } alias && alias == wanted)
            {
                index = entries.Count;
            }

            string? Value(string key) => section.Values.GetValueOrDefault(key) ?? global.Values.GetValueOrDefault(key);
            entries.Add(new BootMenuEntry(label, label, section.Image, Value("initrd") is { } initrd ? [initrd] : [], Arguments(section, global, Value)));
        }

        return new BootMenu(entries, index);
    }

    // append= of a section replaces the global one, addappend= adds to it, literal= replaces everything.
    private static string Arguments(Section section, Section global, Func<string, string?> value)
    {
        if (section.Values.GetValueOrDefault("literal") is { } literal)
        {
            return literal;
        }

        var words = new List<string>();
        if (value("root") is { Length: > 0 } root)
        {
            words.Add("root=" + (root == "current" ? "" : root));
        }

        words.Add(section.Values.ContainsKey("read-write") || (global.Values.ContainsKey("read-write") && !section.Values.ContainsKey("read-only")) ? "rw" : "ro");
        words.AddRange(GuestLines.Words(value("append") ?? ""));
        words.AddRange(GuestLines.Words(section.Values.GetValueOrDefault("addappend", "")));
        return string.Join(' ', words.Where(word => word is not "root="));
    }

    private static string Unquote(string value)
    {
        if (!value.StartsWith('"'))
        {
            return value;
        }

        var end = value.IndexOf('"', 1);
        return string.Create(CultureInfo.InvariantCulture, $"{(end < 0 ? value[1..] : value[1..end])}");
    }

    private sealed record Section(string Image)
    {
        public Dictionary<string, string> Values { get; } = new(StringComparer.Ordinal);
    }
}
