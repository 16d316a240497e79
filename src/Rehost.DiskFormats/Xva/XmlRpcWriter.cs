using System.Globalization;
using System.Text;
using System.Xml;

namespace Rehost.DiskFormats.Xva;

/// <summary>Writes XML-RPC as xapi does: numbers as plain strings, booleans 0 and 1.</summary>
internal sealed class XmlRpcWriter : IDisposable
{
    private readonly MemoryStream _stream = new();
    private readonly XmlWriter _xml;

    public XmlRpcWriter() => _xml = XmlWriter.Create(_stream, new XmlWriterSettings { Encoding = new UTF8Encoding(false), OmitXmlDeclaration = true, CheckCharacters = false, NewLineHandling = NewLineHandling.Entitize });

    /// <summary>What was written.</summary>
    public byte[] ToArray()
    {
        _xml.Flush();
        return _stream.ToArray();
    }

    /// <summary>A value that is a struct; its members are written by the action.</summary>
    public void Struct(Action members)
    {
        _xml.WriteStartElement("value");
        _xml.WriteStartElement("struct");
        members();
        _xml.WriteEndElement();
        _xml.WriteEndElement();
    }

    /// <summary>A member of a struct whose value is written by the action.</summary>
    public void Member(string name, Action value)
    {
        _xml.WriteStartElement("member");
        _xml.WriteElementString("name", name);
        value();
        _xml.WriteEndElement();
    }

    public void Text(string name, string value) => Member(name, () => _xml.WriteElementString("value", Clean(value)));

    public void Number(string name, long value) => Text(name, value.ToString(CultureInfo.InvariantCulture));

    public void Flag(string name, bool value) => Typed(name, "boolean", value ? "1" : "0");

    public void Real(string name, double value) => Typed(name, "double", value.ToString(CultureInfo.InvariantCulture));

    public void Map(string name, params ReadOnlySpan<(string Key, string Value)> entries)
    {
        var copy = entries.ToArray();
        Member(name, () => Struct(() =>
        {
            foreach (var (key, value) in copy)
            {
                Text(key, value);
            }
        }));
    }

    public void References(string name, IEnumerable<string> references) => Member(name, () => Array(() =>
    {
        foreach (var reference in references)
        {
            _xml.WriteElementString("value", reference);
        }
    }));

    public void Array(Action values)
    {
        _xml.WriteStartElement("value");
        _xml.WriteStartElement("array");
        _xml.WriteStartElement("data");
        values();
        _xml.WriteEndElement();
        _xml.WriteEndElement();
        _xml.WriteEndElement();
    }

    public void Dispose()
    {
        _xml.Dispose();
        _stream.Dispose();
    }

    private void Typed(string name, string type, string value) => Member(name, () =>
    {
        _xml.WriteStartElement("value");
        _xml.WriteElementString(type, value);
        _xml.WriteEndElement();
    });

    /// <summary>XML 1.0 has no way to say most control characters.</summary>
    private static string Clean(string text)
        => string.Concat(text.EnumerateRunes().Select(rune => rune.Value is 0x9 or 0xa or 0xd or (>= 0x20 and not (0xfffe or 0xffff)) ? rune.ToString() : "?"));
}
