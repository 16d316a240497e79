using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Rehost.Model;

/// <summary>
/// Secrets in configuration files: passwords of boot menus, keys of wireless networks, credentials in URLs, private keys. Facts, plans, diffs and reports hold a mark in their
/// place, ⟦hidden:/boot/grub/grub.cfg:1⟧; whoever writes the file into the guest asks the guest's own file what stood there. A mark is one word without spaces, quotes or commas,
/// so that steps which take lines apart leave it whole.
/// </summary>
public static partial class SecretText
{
    private const string Open = "⟦hidden:";
    private const string Close = "⟧";

    private const string SecretWords = "passw(?:or)?d|passphrase|psk|secret|private[_-]?key|wep[_-]?key|wireless[_-]key|wpa[_-]key|api[_-]?key|access[_-]?key|token";

    // No backtracking: the texts are the guest's.
    private static readonly Regex[] Everywhere =
    [
        // ini, YAML and shell: one setting a line, the value is the rest of it.
        Make($@"^[\t ]*(?:[-#][\t ]*)?[""']?[\w.-]*(?:{SecretWords})[\w.-]*[""']?[\t ]*[:=][\t ]*(?<s>[^\r\n]+)"),
        Make(@"^KEY[0-9]?=(?<s>[^\r\n]+)"),

        // GRUB's password and password_pbkdf2, wpa-psk of interfaces(5), MENU MASTER PASSWD of syslinux.
        Make(@"^[\t ]*(?:password\w*|wpa-(?:psk|passphrase|password\w*|private-key-passwd\w*)|wireless-key[0-9]?|(?:menu[\t ]+(?:master[\t ]+)?)?passwd)[\t ]+(?<s>[^\r\n]+)"),
        Make(@"(?<s>grub\.pbkdf2\.sha512\.[0-9a-f.]+)"),

        // crypt(5), as in /etc/shadow.
        Make(@"(?<s>\$(?:1|2[abxy]?|5|6|7|y|gy)\$[./a-z0-9$,=+-]{8,})"),
        Make(@"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?<s>[^-]+)-----END"),

        // user:password@host, as in URLs.
        Make(@"[\w.%-]+:(?<s>[^\s/@:""',;]+)@"),

        // What looks like a mark and is none of ours: restoring must not take it for one.
        Make($@"(?<s>{Open}[^{Close}\r\n]*{Close})"),
    ];

    // Options of mounts, variables of services. The words of a kernel command line stay: every user of the guest can read them in /proc/cmdline, and the target's configuration needs them.
    private static readonly Regex Inline = Make($@"[\s,;&?=""'][\w.-]*(?:{SecretWords})[\w.-]*=(?<s>""[^""\r\n]*""|'[^'\r\n]*'|[^\s,;&""']+)");

    /// <summary>Puts marks in the place of secrets.</summary>
    /// <param name="path">Guest path of the file, which goes into the marks.</param>
    /// <param name="text">Its content.</param>
    public static string Mask(string path, string text) => Mask(path, text, null);

    /// <summary>What the marks of a file stand for.</summary>
    /// <param name="path">Guest path of the file.</param>
    /// <param name="text">Its content, as it was when the marks were made.</param>
    public static IReadOnlyDictionary<string, string> Find(string path, string text)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        Mask(path, text, found);
        return found;
    }

    /// <summary>Guest paths of the files that the marks in a text came from; none for most texts.</summary>
    public static IReadOnlyList<string> SourcesOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return !text.Contains(Open, StringComparison.Ordinal) ? [] : [.. Mark().Matches(text).Select(mark => Decode(mark.Groups["path"].Value)).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Puts secrets back in the place of their marks.</summary>
    /// <param name="text">Text with marks.</param>
    /// <param name="find">What a mark stands for; null when nobody knows.</param>
    /// <param name="unknown">The first mark that nobody knows, null when there is none.</param>
    public static string Restore(string text, Func<string, string?> find, out string? unknown)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(find);
        string? stray = null;
        var restored = !text.Contains(Open, StringComparison.Ordinal) ? text : Mark().Replace(text, mark =>
        {
            var secret = find(mark.Value);
            stray ??= secret is null ? mark.Value : null;
            return secret ?? mark.Value;
        });
        unknown = stray;
        return restored;
    }

    private static string Mask(string path, string text, Dictionary<string, string>? found)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(text);
        var places = new List<(int Start, int End)>();
        foreach (var pattern in IsCommandLine(path) ? Everywhere : Everywhere.Append(Inline))
        {
            places.AddRange(pattern.Matches(text).Select(match => match.Groups["s"]).Where(group => group.Length > 0).Select(group => (group.Index, group.Index + group.Length)));
        }

        if (places.Count == 0)
        {
            return text;
        }

        var masked = new StringBuilder(text.Length);
        var marks = new Dictionary<string, string>(StringComparer.Ordinal);
        var done = 0;
        foreach (var (start, end) in Merge(places))
        {
            var secret = text[start..end];
            if (!marks.TryGetValue(secret, out var mark))
            {
                mark = string.Create(CultureInfo.InvariantCulture, $"{Open}{Encode(path)}:{marks.Count + 1}{Close}");
                marks.Add(secret, mark);
                found?.Add(mark, secret);
            }

            masked.Append(text.AsSpan(done, start - done)).Append(mark);
            done = end;
        }

        return masked.Append(text.AsSpan(done)).ToString();
    }

    private static IEnumerable<(int Start, int End)> Merge(List<(int Start, int End)> places)
    {
        places.Sort();
        var (start, end) = places[0];
        foreach (var next in places.Skip(1))
        {
            if (next.Start >= end)
            {
                yield return (start, end);
                start = next.Start;
            }

            end = Math.Max(end, next.End);
        }

        yield return (start, end);
    }

    private static bool IsCommandLine(string path)
        => path.StartsWith("/boot/", StringComparison.Ordinal) || path.StartsWith("/efi/", StringComparison.Ordinal) || path is "/etc/default/grub" or "/etc/sysconfig/grub" or "/etc/kernel/cmdline" or "/etc/sysconfig/bootloader" or "/etc/lilo.conf"
            || path.EndsWith("linux.conf", StringComparison.Ordinal);

    private static string Encode(string path)
        => string.Concat(path.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '/' or '.' or '_' or '-' or '@' or '+' ? letter.ToString() : string.Create(CultureInfo.InvariantCulture, $"%{(int)letter:x4}")));

    private static string Decode(string path)
        => Escaped().Replace(path, escape => ((char)ushort.Parse(escape.ValueSpan[1..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)).ToString());

    private static Regex Make(string pattern) => new(pattern, RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.Multiline | RegexOptions.NonBacktracking);

    [GeneratedRegex("⟦hidden:(?<path>[A-Za-z0-9/._@+%-]+):[0-9]+⟧", RegexOptions.CultureInvariant)]
    private static partial Regex Mark();

    [GeneratedRegex("%[0-9a-f]{4}", RegexOptions.CultureInvariant)]
    private static partial Regex Escaped();
}
