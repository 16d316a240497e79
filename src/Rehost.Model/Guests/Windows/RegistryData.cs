namespace Rehost.Model;

/// <summary>A registry value as plans and facts show it. Every value has exactly one form, so that what was seen can be held against what is there.</summary>
/// <param name="Type">REG_SZ, REG_DWORD and so on; a number in hexadecimal for types without a name.</param>
/// <param name="Text">Text; numbers in decimal; the strings of a REG_MULTI_SZ one a line; everything else, and whatever its type does not allow, as "hex:" and digits.</param>
public sealed record RegistryData(string Type, string Text)
{
    /// <summary>Text.</summary>
    public static RegistryData OfText(string text) => new("REG_SZ", text);

    /// <summary>Text with %variables%.</summary>
    public static RegistryData OfExpandableText(string text) => new("REG_EXPAND_SZ", text);

    /// <summary>Strings.</summary>
    public static RegistryData OfTexts(params IEnumerable<string> texts) => new("REG_MULTI_SZ", string.Join('\n', texts));

    /// <summary>A number of 32 bits.</summary>
    public static RegistryData OfNumber(uint number) => new("REG_DWORD", number.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Bytes.</summary>
    public static RegistryData OfBytes(ReadOnlySpan<byte> bytes) => new("REG_BINARY", "hex:" + Convert.ToHexStringLower(bytes));

    /// <summary>The strings of a REG_MULTI_SZ; a REG_SZ is one.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IReadOnlyList<string> Texts => Text.Length == 0 || IsBytes ? [] : Type == "REG_MULTI_SZ" ? Text.Split('\n') : [Text];

    /// <summary>The number; null when it is none.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public uint? Number => Type == "REG_DWORD" && uint.TryParse(Text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>The bytes of a value shown in hexadecimal; none for others.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IReadOnlyList<byte> Bytes => IsBytes ? Convert.FromHexString(Text.AsSpan(4)) : [];

    private bool IsBytes => Text.StartsWith("hex:", StringComparison.Ordinal) && Type is not ("REG_SZ" or "REG_EXPAND_SZ");

    /// <inheritdoc/>
    public override string ToString() => $"{Type} {Text.Replace("\n", " | ", StringComparison.Ordinal)}";
}

/// <summary>A registry key that a step asked for.</summary>
public sealed record RegistryKeyFacts
{
    /// <summary>Path as regedit spells it below HKEY_LOCAL_MACHINE: SYSTEM\ControlSet001\Services\disk.</summary>
    public required string Path { get; init; }

    /// <summary>Values by name; the default one has the empty name.</summary>
    public System.Collections.Immutable.ImmutableSortedDictionary<string, RegistryData> Values { get; init; } = System.Collections.Immutable.ImmutableSortedDictionary<string, RegistryData>.Empty;

    /// <summary>SHA-256 over the key with all below it, see <see cref="RemoveRegistryKey"/>; null when it was not asked for.</summary>
    public string? TreeSha256 { get; init; }
}
