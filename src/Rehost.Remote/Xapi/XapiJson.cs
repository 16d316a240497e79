using System.Collections.Immutable;
using System.Text.Json;
using Rehost.Hypervisors.XenServer;

namespace Rehost.Remote.Xapi;

/// <summary>JSON-RPC 2.0 as xapi speaks it: errors carry the code as message and its parameters as data.</summary>
internal static class XapiJson
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32 };

    public static byte[] Request(string method, ImmutableArray<object> arguments, int number)
        => JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { ["jsonrpc"] = "2.0", ["method"] = method, ["params"] = arguments.Select(Plain).ToArray(), ["id"] = number });

    public static XmlRpcValue Result(byte[] answer, string host)
    {
        try
        {
            using var document = JsonDocument.Parse(answer, Options);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object)
            {
                var code = error.TryGetProperty("message", out var message) ? message.ToString() : "INTERNAL_ERROR";
                throw new XapiFailure([code, .. error.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Array ? data.EnumerateArray().Select(item => item.ToString()) : []]);
            }

            return root.ValueKind == JsonValueKind.Object && root.TryGetProperty("result", out var result) ? Value(result)
                : throw XapiDiagnostics.BadAnswer.ToException("an answer has neither result nor error", host);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for text that is no UTF-8
        {
            throw XapiDiagnostics.BadAnswer.ToException($"an answer is no JSON: {e.Message}", host, e);
        }
    }

    private static object Plain(object argument) => argument switch
    {
        XmlRpcStruct record => record.Members.ToDictionary(member => member.Key, member => Plain(member.Value), StringComparer.Ordinal),
        XmlRpcArray list => list.Elements.Select(Plain).ToArray(),
        XmlRpcText text => text.Content,
        _ => argument,
    };

    private static XmlRpcValue Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new XmlRpcStruct(element.EnumerateObject().GroupBy(member => member.Name, StringComparer.Ordinal)
            .ToImmutableDictionary(group => group.Key, group => Value(group.Last().Value), StringComparer.Ordinal)),
        JsonValueKind.Array => new XmlRpcArray([.. element.EnumerateArray().Select(Value)]),
        JsonValueKind.True => new XmlRpcText("1"),
        JsonValueKind.False => new XmlRpcText("0"),
        JsonValueKind.Null => new XmlRpcText(""),
        _ => new XmlRpcText(element.ToString()),
    };
}
