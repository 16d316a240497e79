using System.Globalization;
using System.Xml.Linq;

namespace Rehost.Remote.Tests;

/// <summary>XML-RPC as xapi writes it: strings without a type.</summary>
internal static class XapiXmlText
{
    public static object Read(XElement value) => value.Elements().FirstOrDefault() is not { } typed ? value.Value : typed.Name.LocalName switch
    {
        "struct" => typed.Elements("member").ToDictionary(member => (string?)member.Element("name") ?? "", member => Read(member.Element("value") ?? value), StringComparer.Ordinal),
        "array" => typed.Elements("data").Elements("value").Select(Read).ToList(),
        "boolean" => typed.Value == "1",
        _ => typed.Value,
    };

    public static XElement Write(object value) => new("value", value switch
    {
        bool flag => new XElement("boolean", flag ? "1" : "0"),
        double number => new XElement("double", number.ToString(CultureInfo.InvariantCulture)),
        IDictionary<string, object> members => Members(members.Select(member => (member.Key, Write(member.Value)))),
        IEnumerable<string> list => new XElement("array", new XElement("data", list.Select(item => Write(item)))),
        IEnumerable<object> list => new XElement("array", new XElement("data", list.Select(Write))),
        _ => value.ToString(),
    });

    public static XElement Struct(params (string Name, XElement Value)[] members) => new("value", Members(members));

    private static XElement Members(IEnumerable<(string Name, XElement Value)> members) => new("struct", members.Select(member => new XElement("member", new XElement("name", member.Name), member.Value)));
}
