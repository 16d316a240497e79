using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>The JSON schema (2020-12) of plan documents, made from the records that they are read into: docs/plan.schema.json, which a test keeps true.</summary>
public static class PlanSchema
{
    /// <summary>The name under which schemas know it.</summary>
    public const string Id = "urn:rehost:plan:1";

    private const string GuestPath = "^/(?!.*//)(?!.*/\\.{1,2}(/|$))(?!\\.{1,2}(/|$)).*[^/]$";
    private const string Hash = "^[0-9a-f]{64}$";

    /// <summary>Names of properties that hold a guest path.</summary>
    private static readonly HashSet<string> Paths = new(StringComparer.Ordinal)
    {
        "path", "from", "hivePath", "storePath", "imagePath", "kernelPath", "initramfsPath", "fileContextsPath", "guestModulesPath", "guestPath", "copyOf",
    };

    /// <summary>Writes the schema.</summary>
    public static string Write()
    {
        var exported = PlanDocumentText.Options.GetJsonSchemaAsNode(typeof(PlanDocument), new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Refine });
        var schema = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["$id"] = Id, ["title"] = "A plan of Rehost" };
        foreach (var (name, value) in exported.AsObject().ToList())
        {
            exported.AsObject().Remove(name);
            schema[name] = value;
        }

        Properties(schema)["kind"] = new JsonObject { ["const"] = PlanDocument.DocumentKind };
        Properties(schema)["formatVersion"] = new JsonObject { ["const"] = PlanDocument.CurrentVersion };
        return schema.ToJsonString(PlanDocumentText.Options) + "\n";
    }

    private static JsonNode Refine(JsonSchemaExporterContext context, JsonNode schema)
    {
        var name = context.PropertyInfo?.Name ?? "";
        if (schema is not JsonObject node)
        {
            return schema;
        }

        // What may be null is not written when it is.
        foreach (var property in context.TypeInfo.Properties.Where(property => !property.IsRequired))
        {
            (node["required"] as JsonArray)?.RemoveAll(item => item?.GetValue<string>() == property.Name);
        }

        if (context.TypeInfo.Type == typeof(string))
        {
            Text(context, node, name);
        }

        if (context.TypeInfo.Type == typeof(Change) && node["anyOf"] is JsonArray kinds)
        {
            foreach (var kind in kinds.OfType<JsonObject>())
            {
                // A kind that is not known fits none of them.
                Require(kind, "kind");
                Required(kind);
                Binary(kind, "content");
                Binary(kind, "scriptContent");
            }
        }

        if (context.TypeInfo.Type == typeof(HelperFile))
        {
            Binary(node, "content");
        }

        return node;
    }

    private static void Text(JsonSchemaExporterContext context, JsonObject node, string name)
    {
        if (name.EndsWith("sha256", StringComparison.OrdinalIgnoreCase) || name is "digest")
        {
            node["pattern"] = Hash;
        }
        else if (Paths.Contains(name) && !(name == "from" && context.PropertyInfo?.DeclaringType == typeof(PlaceFile)) && typeof(Change).IsAssignableFrom(context.PropertyInfo?.DeclaringType))
        {
            node["pattern"] = GuestPath;
            node["maxLength"] = 4096;
        }
    }

    // Content that is no text stands under another name, as base64; one of both is there.
    private static void Binary(JsonObject node, string name)
    {
        if (node["properties"] is not JsonObject properties || !properties.ContainsKey(name))
        {
            return;
        }

        properties[name + "Base64"] = new JsonObject { ["type"] = "string", ["contentEncoding"] = "base64" };
        if (node["required"] is JsonArray required && required.FirstOrDefault(item => item?.GetValue<string>() == name) is { } entry)
        {
            required.Remove(entry);
            node["oneOf"] = new JsonArray(new JsonObject { ["required"] = new JsonArray(name) }, new JsonObject { ["required"] = new JsonArray(name + "Base64") });
        }
        else
        {
            node["not"] = new JsonObject { ["required"] = new JsonArray(name, name + "Base64") };
        }
    }

    private static void Require(JsonObject node, string name)
    {
        if (node["required"] is not JsonArray required)
        {
            node["required"] = required = [];
        }

        if (!required.Any(item => item?.GetValue<string>() == name))
        {
            required.Insert(0, name);
        }
    }

    private static void Required(JsonObject node)
    {
        foreach (var name in (string[])["stepId", "reason"])
        {
            Require(node, name);
        }
    }

    private static JsonObject Properties(JsonObject node) => node["properties"] as JsonObject ?? [];
}
