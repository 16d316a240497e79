using System.Collections.Immutable;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Rehost.Hypervisors.XenServer;

namespace Rehost.Remote.Xapi;

/// <summary>XML-RPC as xapi speaks it: every answer is a struct with Status, and Value or ErrorDescription.</summary>
internal static class XapiXml
{
    public static byte[] Request(string method, ImmutableArray<object> arguments)
    {
        var call = new XElement("methodCall", new XElement("methodName", method),
            new XElement("params", arguments.Select(argument => new XElement("param", new XElement("value", Content(argument))))));
        try
        {
            return Encoding.UTF8.GetBytes(call.ToString(SaveOptions.DisableFormatting));
        }
        catch (ArgumentException e)
        {
            throw new XapiFailure(["INVALID_VALUE", e.Message]); // a control character, which XML cannot say
        }
    }

    public static XmlRpcValue Result(byte[] answer, string host)
    {
        var response = XmlRpcReader.ReadResponse(answer, host);
        if (response["faultCode"] is not null)
        {
            throw new XapiFailure([response.Text("faultString"), response.Text("faultCode")]);
        }

        if (response.Text("Status") == "Failure")
        {
            throw new XapiFailure([.. response.Items("ErrorDescription").OfType<XmlRpcText>().Select(item => item.Content)]);
        }

        return response.Text("Status") == "Success" ? response["Value"] ?? new XmlRpcText("")
            : throw XapiDiagnostics.BadAnswer.ToException("an answer has no Status of Success or Failure", host);
    }

    private static XElement Content(object argument) => argument switch
    {
        bool flag => new XElement("boolean", flag ? "1" : "0"),
        IReadOnlyDictionary<string, string> map => new XElement("struct",
            map.Select(member => new XElement("member", new XElement("name", member.Key), new XElement("value", new XElement("string", member.Value))))),
        IEnumerable<string> list => new XElement("array", new XElement("data", list.Select(item => new XElement("value", new XElement("string", item))))),
        XmlRpcValue value => Content(value),
        _ => new XElement("string", XmlConvert.VerifyXmlChars(argument.ToString() ?? "")),
    };

    private static XElement Content(XmlRpcValue value) => value switch
    {
        XmlRpcStruct record => new XElement("struct",
            record.Members.OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => new XElement("member", new XElement("name", member.Key), new XElement("value", Content(member.Value))))),
        XmlRpcArray list => new XElement("array", new XElement("data", list.Elements.Select(item => new XElement("value", Content(item))))),
        _ => new XElement("string", XapiSession.Text(value)),
    };
}
