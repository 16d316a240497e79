using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Rehost.Model;

/// <summary>How the model's records are written as JSON: camelCase, enumerations by name, indented, in the order of declaration, so that equal records give equal bytes.</summary>
public static class ModelJson
{
    /// <summary>The options for reading and writing.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>Writes a record.</summary>
    public static string Serialize<T>(T value) => WithoutInvisible(JsonSerializer.Serialize(value, Options));

    /// <summary>Reads a record.</summary>
    /// <exception cref="JsonException">The text is not such a document.</exception>
    public static T Deserialize<T>(string json) => JsonSerializer.Deserialize<T>(json, Options) ?? throw new JsonException("the document is null");

    // The encoder leaves marks of writing direction and other characters without width as they are. In JSON they stand in strings only, and there an escape means the same.
    private static string WithoutInvisible(string json)
    {
        if (Ascii.IsValid(json))
        {
            return json;
        }

        var text = new StringBuilder(json.Length);
        Span<char> units = stackalloc char[2];
        foreach (var rune in json.EnumerateRunes())
        {
            var isShown = rune.IsAscii || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
            foreach (var unit in units[..rune.EncodeToUtf16(units)])
            {
                _ = isShown ? text.Append(unit) : text.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}");
            }
        }

        return text.ToString();
    }

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.General)
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            WriteIndented = true,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            AllowOutOfOrderMetadataProperties = true,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { DemandLists } },
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase));
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    // A list that a record takes in its constructor and a document leaves out would be no list at all, on which every use throws; all that is written has it.
    private static void DemandLists(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(property => property.AssociatedParameter is { HasDefaultValue: false } && property.PropertyType is { IsGenericType: true } list && list.GetGenericTypeDefinition() == typeof(ImmutableArray<>)))
        {
            property.IsRequired = true;
        }
    }
}
