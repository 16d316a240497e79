using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Hypervisors.Vmware;

/// <summary>
/// A .vmx file: lines of key = "value", keys without regard to case, values with |22 for a quotation mark and its like. Lines that are none are passed
/// over, as VMware does.
/// </summary>
internal sealed class VmxFile
{
    /// <summary>The longest file that is read; real ones have a few kilobytes.</summary>
    public const int MaximumLength = 1 << 20;

    private readonly Dictionary<string, string> _values;

    private VmxFile(Dictionary<string, string> values) => _values = values;

    /// <summary>The keys, in lower case.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>A value; null when it is missing or empty.</summary>
    public string? this[string key] => _values.GetValueOrDefault(key.ToLowerInvariant()) is { Length: > 0 } value ? value : null;

    /// <summary>Whether a value is TRUE.</summary>
    public bool Flag(string key) => string.Equals(this[key], "TRUE", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a file.</summary>
    /// <exception cref="DiagnosticException">It is no configuration (VMX001).</exception>
    public static VmxFile Parse(ReadOnlySpan<byte> bytes, string where)
    {
        if (bytes.Length > MaximumLength || bytes.Contains((byte)0))
        {
            throw VmxDiagnostics.BadFile.ToException(bytes.Length > MaximumLength ? $"it has {bytes.Length} bytes, at most {MaximumLength} are read" : "it holds NUL bytes", where);
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in GuestText.Decode(bytes).TrimStart('\ufeff').Split('\n'))
        {
            var text = line.Trim();
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || text[0] == '#')
            {
                continue;
            }

            var value = text[(equals + 1)..].Trim();
            value = value is ['"', .., '"'] && value.Length >= 2 ? value[1..^1] : value;
            values[text[..equals].Trim().ToLowerInvariant()] = Unescape(value);
        }

        return values.Count > 0 ? new VmxFile(values) : throw VmxDiagnostics.BadFile.ToException("it has no line of the form key = \"value\"", where);
    }

    private static string Unescape(string value)
    {
        if (!value.Contains('|', StringComparison.Ordinal))
        {
            return value;
        }

        var text = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '|' && i + 2 < value.Length && byte.TryParse(value.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            {
                text.Append((char)code);
                i += 2;
            }
            else
            {
                text.Append(value[i]);
            }
        }

        return text.ToString();
    }
}
