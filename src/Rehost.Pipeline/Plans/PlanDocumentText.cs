using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>
/// A plan document as text. Strict in reading: what is not known, said twice or missing is refused, because nothing of a plan may be passed over. Content that is no text stands as base64.
/// </summary>
internal static class PlanDocumentText
{
    private const string ContentProperty = "content";
    private const string ScriptProperty = "scriptContent";
    private const string Base64Suffix = "Base64";

    /// <summary>How documents are written and read.</summary>
    public static JsonSerializerOptions Options { get; } = Create(indented: true);

    private static readonly JsonSerializerOptions s_compact = Create(indented: false);

    /// <summary>Writes a document.</summary>
    public static string Write(PlanDocument document)
    {
        var tree = JsonSerializer.SerializeToNode(document, Options) as JsonObject ?? [];
        foreach (var holder in Holders(tree))
        {
            EncodeBinary(holder, ContentProperty);
            EncodeBinary(holder, ScriptProperty);
        }

        return tree.ToJsonString(Options) + "\n";
    }

    /// <summary>Reads a document; the rules of <see cref="PlanDocumentRules"/> are the caller's.</summary>
    /// <exception cref="JsonException">It is malformed.</exception>
    /// <exception cref="DiagnosticException">It is of another kind or version.</exception>
    public static PlanDocument Read(string text, string name)
    {
        var tree = JsonNode.Parse(text, nodeOptions: null, new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject ?? throw new JsonException("it is no object");
        DemandKind(tree, name);
        foreach (var holder in Holders(tree))
        {
            DecodeBinary(holder, ContentProperty, name);
            DecodeBinary(holder, ScriptProperty, name);
        }

        return tree.Deserialize<PlanDocument>(Options) ?? throw new JsonException("it is empty");
    }

    /// <summary>What a document as it stands hashes to.</summary>
    public static string DigestOf(PlanDocument document) => Hash(document with { Digest = "", SignedOff = null, Schema = null });

    /// <summary>What a plan without its changes hashes to.</summary>
    public static string HashOfRest(ConversionPlan plan) => Hash(plan with { Steps = [] });

    /// <summary>A change by what it is about and says.</summary>
    public static MadeChange Describe(Change change) => new(change.StepId, KindOf(change), change.Subject, Hash(change));

    /// <summary>SHA-256 of anything, in its shortest form as JSON.</summary>
    public static string Hash<T>(T value) => Hash(JsonSerializer.SerializeToUtf8Bytes(value, s_compact));

    /// <summary>The name that a document has for a kind of change.</summary>
    public static string KindOf(Change change)
        => Options.GetTypeInfo(typeof(Change)).PolymorphismOptions?.DerivedTypes.FirstOrDefault(kind => kind.DerivedType == change.GetType()).TypeDiscriminator as string ?? change.GetType().Name;

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static void DemandKind(JsonObject tree, string name)
    {
        if (tree["kind"] is not JsonValue kind || !kind.TryGetValue<string>(out var found) || found != PlanDocument.DocumentKind)
        {
            throw PlanDocumentDiagnostics.Malformed.ToException(
                tree.ContainsKey("estimate") && tree.ContainsKey("plan") ? "it is what rehost plan --json prints; the document is what rehost plan --output writes" : $"it does not say \"kind\": \"{PlanDocument.DocumentKind}\"", name);
        }

        if (tree["formatVersion"] is not JsonValue version || !version.TryGetValue<int>(out var number))
        {
            throw PlanDocumentDiagnostics.Malformed.ToException("it does not say its formatVersion, a number", name);
        }

        if (number != PlanDocument.CurrentVersion)
        {
            throw PlanDocumentDiagnostics.UnknownVersion.ToException($"it has the form {number}, needed: {PlanDocument.CurrentVersion}", name);
        }
    }

    /// <summary>Changes, and the files of helper partitions.</summary>
    private static IEnumerable<JsonObject> Holders(JsonObject document)
    {
        var steps = (document["plan"] as JsonObject)?["steps"] as JsonArray ?? [];
        foreach (var change in steps.OfType<JsonObject>().SelectMany(step => (step["changes"] as JsonArray ?? []).OfType<JsonObject>()).ToList())
        {
            yield return change;
            foreach (var file in (change["files"] as JsonArray ?? []).OfType<JsonObject>().ToList())
            {
                yield return file;
            }
        }
    }

    private static void EncodeBinary(JsonObject holder, string property)
    {
        if (holder[property] is JsonValue value && value.TryGetValue<string>(out var text) && !IsText(text))
        {
            var index = holder.IndexOf(property);
            holder.RemoveAt(index);
            holder.Insert(index, property + Base64Suffix, Convert.ToBase64String(GuestText.Encode(text)));
        }
    }

    private static void DecodeBinary(JsonObject holder, string property, string name)
    {
        if (holder[property + Base64Suffix] is not { } given)
        {
            return;
        }

        if (holder.ContainsKey(property))
        {
            throw PlanDocumentDiagnostics.Malformed.ToException($"{given.GetPath()} stands beside {property}, and only one of them can be meant", name);
        }

        var bytes = new byte[given.ToJsonString().Length];
        if (given is not JsonValue value || !value.TryGetValue<string>(out var text) || !Convert.TryFromBase64String(text, bytes, out var length))
        {
            throw PlanDocumentDiagnostics.Malformed.ToException($"{given.GetPath()} is no base64", name);
        }

        holder.Remove(property + Base64Suffix);
        holder[property] = GuestText.Decode(bytes.AsSpan(0, length));
    }

    /// <summary>Whether an editor of text may be trusted with it: valid UTF-8 without control characters but those of text.</summary>
    private static bool IsText(string text) => !text.Any(letter => letter is (>= '\uEF80' and <= '\uEFFF') or '\uFEFF' || (char.IsControl(letter) && letter is not ('\n' or '\t' or '\r')));

    private static JsonSerializerOptions Create(bool indented)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.General)
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            WriteIndented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            AllowOutOfOrderMetadataProperties = true,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            RespectNullableAnnotations = true,
            AllowDuplicateProperties = false,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { WithoutComputedProperties, WithRequiredParameters } },
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        options.MakeReadOnly();
        return options;
    }

    // What a record computes from its own fields would have to be edited twice.
    private static void WithoutComputedProperties(JsonTypeInfo type)
    {
        for (var index = type.Properties.Count - 1; type.Kind == JsonTypeInfoKind.Object && index >= 0; index--)
        {
            if (type.Properties[index] is { Set: null, AssociatedParameter: null })
            {
                type.Properties.RemoveAt(index);
            }
        }
    }

    // A null is not written, so what may be null need not be there.
    private static void WithRequiredParameters(JsonTypeInfo type)
    {
        foreach (var property in type.Kind == JsonTypeInfoKind.Object ? type.Properties : [])
        {
            if (property.AssociatedParameter is { HasDefaultValue: false, IsNullable: false, IsMemberInitializer: false })
            {
                property.IsRequired = true;
            }
        }
    }
}
