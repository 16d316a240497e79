using Rehost.FileSystems;

namespace Rehost.Inspection.Linux;

/// <summary>The terminals on which the guest offers a login, from inittab, systemd's wants and upstart's jobs.</summary>
internal static class LoginTerminals
{
    private static readonly HashSet<string> Getties = new(StringComparer.Ordinal)
    {
        "getty", "agetty", "mingetty", "mgetty", "fgetty", "rungetty", "ngetty", "fbgetty", "uugetty", "qingy",
    };

    private const int MaximumTerminals = 256;

    /// <summary>Names without /dev/, sorted.</summary>
    public static IReadOnlyList<string> Read(GuestReader reader)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        if (reader.Text("/etc/inittab") is { } inittab)
        {
            found.UnionWith(FromInittab(inittab));
        }

        foreach (var directory in (string[])["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"])
        {
            foreach (var wants in (string[])["getty.target.wants", "multi-user.target.wants"])
            {
                foreach (var entry in reader.List($"{directory}/{wants}").Where(entry => entry.Kind is NodeKind.SymbolicLink or NodeKind.File))
                {
                    // A unit that is masked (a link to /dev/null) starts nothing.
                    if (FromUnitName(entry.Name) is { } terminal && !IsMasked(reader, entry.Name))
                    {
                        found.Add(terminal);
                    }
                }
            }
        }

        foreach (var path in reader.Glob("/etc/init/*.conf").Concat(reader.Glob("/etc/event.d/*")))
        {
            if (reader.Text(path) is { } job && !IsManual(reader.Text(path[..^Math.Min(path.Length, 5)] + ".override")))
            {
                found.UnionWith(FromUpstartJob(job));
            }
        }

        // Red Hat 6: start-ttys.conf starts tty.conf once for each of these.
        if (reader.IsFile("/etc/init/start-ttys.conf") && reader.Text("/etc/sysconfig/init") is { } settings
            && ShellAssignments.Parse(settings).TryGetValue("ACTIVE_CONSOLES", out var consoles))
        {
            found.UnionWith(GuestLines.Words(consoles).SelectMany(ExpandRange));
        }

        return [.. found.Take(MaximumTerminals)];
    }

    /// <summary>Lines id:runlevels:action:process whose process is a getty (inittab(5)).</summary>
    public static IEnumerable<string> FromInittab(string text)
    {
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var fields = line.Split(':', 4);
            if (fields.Length == 4 && (fields[2] is "respawn" or "ondemand" or "askfirst" or "once") && FromCommand(fields[3]) is { } terminal)
            {
                yield return terminal;
            }
        }
    }

    /// <summary>"exec /sbin/getty -8 38400 tty1" of upstart's jobs, also with "respawn" before it as event.d had it.</summary>
    public static IEnumerable<string> FromUpstartJob(string text)
    {
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var (keyword, rest) = GuestLines.SplitFirst(line);
            if ((keyword is "exec" or "respawn") && FromCommand(rest) is { } terminal)
            {
                yield return terminal;
            }
        }
    }

    /// <summary>getty@tty1.service, serial-getty@hvc0.service, console-getty.service.</summary>
    public static string? FromUnitName(string name)
    {
        const string suffix = ".service";
        if (!name.EndsWith(suffix, StringComparison.Ordinal))
        {
            return null;
        }

        var unit = name[..^suffix.Length];
        var at = unit.IndexOf('@', StringComparison.Ordinal);
        return unit == "console-getty" ? "console"
            : at > 0 && at + 1 < unit.Length && (unit[..at] is "getty" or "serial-getty" or "autologin") && IsTerminal(unit[(at + 1)..]) ? unit[(at + 1)..] : null;
    }

    /// <summary>The terminal that a getty's command line names: it may stand before or behind the speed.</summary>
    public static string? FromCommand(string command)
    {
        var words = GuestLines.Words(command);
        var program = Array.FindIndex(words, word => Getties.Contains(word[(word.LastIndexOf('/') + 1)..]));
        return program < 0 ? null
            : words.Skip(program + 1).Select(word => word.StartsWith("/dev/", StringComparison.Ordinal) ? word["/dev/".Length..] : word).FirstOrDefault(IsTerminal);
    }

    private static bool IsTerminal(string word)
        => word == "console" || (HasPrefix(word) && char.IsAsciiDigit(word[^1]) && word.All(char.IsAsciiLetterOrDigit));

    private static bool HasPrefix(string word)
        => word.StartsWith("tty", StringComparison.Ordinal) || word.StartsWith("hvc", StringComparison.Ordinal) || word.StartsWith("xvc", StringComparison.Ordinal)
        || word.StartsWith("vc", StringComparison.Ordinal);

    private static bool IsMasked(GuestReader reader, string unit)
    {
        var path = "/etc/systemd/system/" + unit;
        return reader.Find(path, followLast: false) is { Kind: NodeKind.SymbolicLink } && reader.Tree.ReadLink(path) == "/dev/null";
    }

    private static bool IsManual(string? overrides) => overrides is not null && GuestLines.Effective(overrides).Any(line => line.Text == "manual");

    /// <summary>/dev/tty[1-6], as a shell would expand it.</summary>
    private static IEnumerable<string> ExpandRange(string word)
    {
        var name = word.StartsWith("/dev/", StringComparison.Ordinal) ? word["/dev/".Length..] : word;
        var open = name.IndexOf('[', StringComparison.Ordinal);
        if (open < 0)
        {
            return IsTerminal(name) ? [name] : [];
        }

        return name.Length == open + 5 && name[open + 2] == '-' && name[open + 4] == ']' && char.IsAsciiDigit(name[open + 1]) && char.IsAsciiDigit(name[open + 3])
            ? Enumerable.Range(name[open + 1] - '0', Math.Max(0, name[open + 3] - name[open + 1] + 1)).Select(number => $"{name[..open]}{number}").Where(IsTerminal)
            : [];
    }
}
