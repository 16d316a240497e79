using System.Globalization;
using System.Text;
using Rehost.WindowsRegistry;

namespace Rehost.Pipeline.Registry;

/// <summary>A key or a value, as a listing shows it.</summary>
/// <param name="Key">The key's path below the hive's root.</param>
/// <param name="Name">The value's name; null when the key itself is meant.</param>
/// <param name="Type">The value's type as Windows names it; null for a key.</param>
/// <param name="Text">The value in words: text, numbers in decimal, bytes in hexadecimal; null for a key.</param>
public sealed record RegistryItem(string Key, string? Name, string? Type, string? Text)
{
    private static readonly string[] TypeNames =
    [
        "REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY", "REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_LINK", "REG_MULTI_SZ", "REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTOR",
        "REG_RESOURCE_REQUIREMENTS_LIST", "REG_QWORD",
    ];

    internal static RegistryItem Of(string key, RegistryValue value) => new(key, value.Name, TypeName(value.Kind), Words(value));

    internal static string Words(RegistryValue value) => value.Kind switch
    {
        RegistryValueKind.Text or RegistryValueKind.ExpandableText or RegistryValueKind.Link => value.AsText(),
        RegistryValueKind.Texts => string.Join('\n', value.AsTexts()),
        RegistryValueKind.Number or RegistryValueKind.BigEndianNumber when value.Data.Length == 4 => value.AsNumber().ToString(CultureInfo.InvariantCulture),
        RegistryValueKind.LongNumber when value.Data.Length == 8 => value.AsNumber().ToString(CultureInfo.InvariantCulture),
        _ => Convert.ToHexStringLower(value.Data),
    };

    /// <summary>Understands a value given in words.</summary>
    internal static RegistryValue Parse(string name, string type, IReadOnlyList<string> words)
    {
        var kind = Array.FindIndex(TypeNames, candidate => candidate.Equals(type, StringComparison.OrdinalIgnoreCase) || candidate.Equals("REG_" + type, StringComparison.OrdinalIgnoreCase));
        var only = words.Count == 1 ? words[0] : null;
        return (RegistryValueKind)kind switch
        {
            RegistryValueKind.Text or RegistryValueKind.ExpandableText or RegistryValueKind.Link when only is not null => RegistryValue.OfText(name, only, (RegistryValueKind)kind),
            RegistryValueKind.Texts => RegistryValue.OfTexts(name, words),
            RegistryValueKind.Number when only is not null => RegistryValue.OfNumber(name, (uint)Number(only, uint.MaxValue)),
            RegistryValueKind.LongNumber when only is not null => RegistryValue.OfLongNumber(name, Number(only, ulong.MaxValue)),
            RegistryValueKind.Binary or RegistryValueKind.None when words.Count <= 1 => new RegistryValue(name, (RegistryValueKind)kind, Bytes(only ?? "")),
            _ => throw RegistryDiagnostics.BadInput.ToException($"{words.Count} words for type {type}; types: {string.Join(' ', TypeNames)}", name),
        };
    }

    private static string TypeName(RegistryValueKind kind) => (int)kind >= 0 && (int)kind < TypeNames.Length ? TypeNames[(int)kind] : string.Create(CultureInfo.InvariantCulture, $"0x{(int)kind:x}");

    private static ulong Number(string text, ulong most)
    {
        var isHexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(isHexadecimal ? text[2..] : text, isHexadecimal ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
            ? number
            : throw RegistryDiagnostics.BadInput.ToException($"'{text}' is no number up to {most}");
    }

    private static byte[] Bytes(string text)
    {
        var digits = new StringBuilder(text).Replace(" ", "").Replace(",", "").ToString();
        return digits.Length % 2 == 0 && digits.All(char.IsAsciiHexDigit) ? Convert.FromHexString(digits) : throw RegistryDiagnostics.BadInput.ToException($"'{text}' is no bytes in hexadecimal");
    }
}
