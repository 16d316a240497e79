using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rehost.Model;

namespace Rehost.WindowsRegistry;

/// <summary>Values as plans and facts show them, see <see cref="RegistryData"/>: the way there and back gives the same bytes, or the value is shown as bytes.</summary>
public static class RegistryDataForm
{
    private static readonly string[] Names =
    [
        "REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY", "REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_LINK", "REG_MULTI_SZ", "REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTOR",
        "REG_RESOURCE_REQUIREMENTS_LIST", "REG_QWORD",
    ];

    /// <summary>A value's form.</summary>
    public static RegistryData Of(RegistryValue value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var type = (int)value.Kind >= 0 && (int)value.Kind < Names.Length ? Names[(int)value.Kind] : string.Create(CultureInfo.InvariantCulture, $"0x{(int)value.Kind:x}");
        var text = value.Kind switch
        {
            RegistryValueKind.Text or RegistryValueKind.ExpandableText => value.AsText(),
            RegistryValueKind.Texts => string.Join('\n', value.AsTexts()),
            RegistryValueKind.Number or RegistryValueKind.LongNumber when value.Data.Length is 4 or 8 => value.AsNumber().ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
        if (text is not null && !text.StartsWith("hex:", StringComparison.Ordinal))
        {
            var form = new RegistryData(type, text);
            if (ToValue(value.Name, form).Data.AsSpan().SequenceEqual(value.Data))
            {
                return form;
            }
        }

        return new RegistryData(type, "hex:" + Convert.ToHexStringLower(value.Data));
    }

    /// <summary>The value of a form.</summary>
    /// <exception cref="DiagnosticException">It is none (REG007).</exception>
    public static RegistryValue ToValue(string name, RegistryData form)
    {
        ArgumentNullException.ThrowIfNull(form);
        var index = Array.IndexOf(Names, form.Type);
        if (index < 0 && !(form.Type.StartsWith("0x", StringComparison.Ordinal) && int.TryParse(form.Type.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out index)))
        {
            throw Unsuitable(name, form);
        }

        var kind = (RegistryValueKind)index;
        if (form.Text.StartsWith("hex:", StringComparison.Ordinal))
        {
            return form.Text.Length % 2 == 0 && form.Text.Skip(4).All(char.IsAsciiHexDigit) ? new RegistryValue(name, kind, Convert.FromHexString(form.Text.AsSpan(4))) : throw Unsuitable(name, form);
        }

        return kind switch
        {
            RegistryValueKind.Text or RegistryValueKind.ExpandableText => RegistryValue.OfText(name, form.Text, kind),
            RegistryValueKind.Texts => RegistryValue.OfTexts(name, form.Text.Length == 0 ? [] : form.Text.Split('\n')),
            RegistryValueKind.Number when uint.TryParse(form.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => RegistryValue.OfNumber(name, number),
            RegistryValueKind.LongNumber when ulong.TryParse(form.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => RegistryValue.OfLongNumber(name, number),
            _ => throw Unsuitable(name, form),
        };
    }

    /// <summary>SHA-256 over a key with all below it: names, types and data, not times and not security.</summary>
    public static string TreeHash(RegistryKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var work = new Stack<(RegistryKey Key, string Path)>([(key, "")]);
        var depth = 0;
        const int mostKeys = 1 << 20;
        while (work.TryPop(out var item))
        {
            if (++depth > mostKeys)
            {
                throw HiveDiagnostics.BadCell.ToException("the keys below this one have no end", key.Name);
            }

            Add(hash, item.Path);
            foreach (var value in item.Key.Values.OrderBy(value => value.Name, StringComparer.OrdinalIgnoreCase))
            {
                var form = Of(value);
                Add(hash, value.Name.ToUpperInvariant());
                Add(hash, form.Type);
                Add(hash, form.Text);
            }

            foreach (var subkey in item.Key.Subkeys)
            {
                work.Push((subkey, $@"{item.Path}\{subkey.Name.ToUpperInvariant()}"));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Add(IncrementalHash hash, string text)
    {
        hash.AppendData(Encoding.Unicode.GetBytes(text));
        hash.AppendData([0, 0]);
    }

    private static DiagnosticException Unsuitable(string name, RegistryData form) => HiveDiagnostics.Unsuitable.ToException($"{form} is no value", name);
}
