using System.Collections.Immutable;
using System.Text;
using System.Xml;
using Rehost.Model;

namespace Rehost.Hypervisors.XenServer;

/// <summary>
/// Reads one XML-RPC value. The text comes from a stranger: a DTD is refused, so there are no entities to expand; depth, size and the number of values
/// are limited.
/// </summary>
public sealed class XmlRpcReader : IDisposable
{
    /// <summary>The longest ova.xml that is read; real ones have tens or hundreds of kilobytes.</summary>
    public const int MaximumLength = 16 << 20;

    private const int MaximumDepth = 32;
    private const int MaximumValues = 500_000;

    private readonly XmlReader _reader;
    private readonly string _where;
    private int _values;

    private XmlRpcReader(Stream stream, string where)
    {
        _where = where;
        _reader = XmlReader.Create(stream, new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            MaxCharactersInDocument = MaximumLength,
        });
    }

    /// <summary>Reads a document.</summary>
    /// <param name="xml">Its bytes.</param>
    /// <param name="where">Name for messages.</param>
    /// <exception cref="DiagnosticException">XSO001, XSO002 or XSO003.</exception>
    public static XmlRpcValue Read(ReadOnlyMemory<byte> xml, string where) => Read(xml, where, reader => reader.ReadDocument());

    /// <summary>Reads the answer to a call: <c>methodResponse</c> with one parameter, or with a fault (xmlrpc.com/spec).</summary>
    /// <param name="xml">Its bytes.</param>
    /// <param name="where">Name for messages.</param>
    /// <returns>The parameter, or the fault's struct.</returns>
    /// <exception cref="DiagnosticException">XSO001 or XSO002.</exception>
    public static XmlRpcValue ReadResponse(ReadOnlyMemory<byte> xml, string where) => Read(xml, where, reader => reader.ReadMethodResponse());

    private static XmlRpcValue Read(ReadOnlyMemory<byte> xml, string where, Func<XmlRpcReader, XmlRpcValue> read)
    {
        if (xml.Length > MaximumLength)
        {
            throw XenServerDiagnostics.TooLarge.ToException($"{xml.Length} bytes; at most {MaximumLength} are read", where);
        }

        try
        {
            using var stream = new MemoryStream(xml.ToArray(), writable: false);
            using var reader = new XmlRpcReader(stream, where);
            return read(reader);
        }
        catch (Exception e) when (e is XmlException or DecoderFallbackException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw XenServerDiagnostics.BadXml.ToException(e.Message, where, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private XmlRpcValue ReadDocument()
    {
        _reader.MoveToContent();
        if (_reader.LocalName == "appliance")
        {
            throw XenServerDiagnostics.OldAppliance.ToException($"<appliance version=\"{_reader.GetAttribute("version")}\"> instead of an XML-RPC value", _where);
        }

        return ReadValue(0);
    }

    private XmlRpcValue ReadMethodResponse()
    {
        _reader.MoveToContent();
        foreach (var element in (ReadOnlySpan<string>)["methodResponse", "params", "param"])
        {
            if (element == "params" && IsElement("fault"))
            {
                Enter();
                break;
            }

            Demand(element);
            if (!Enter())
            {
                throw Bad($"an empty <{element}>");
            }
        }

        return ReadValue(0);
    }

    // Stands on <value>; leaves behind its end.
    private XmlRpcValue ReadValue(int depth)
    {
        Demand("value");
        if (depth > MaximumDepth || ++_values > MaximumValues)
        {
            throw XenServerDiagnostics.TooLarge.ToException(depth > MaximumDepth ? $"values nested deeper than {MaximumDepth}" : $"more than {MaximumValues} values", Place());
        }

        if (_reader.IsEmptyElement)
        {
            _reader.Read();
            return new XmlRpcText("");
        }

        _reader.Read();
        var plain = ReadText();
        if (_reader.NodeType == XmlNodeType.EndElement)
        {
            _reader.Read();
            return new XmlRpcText(plain);
        }

        XmlRpcValue value = _reader.LocalName switch
        {
            "struct" => ReadStruct(depth),
            "array" => ReadArray(depth),
            "string" or "boolean" or "int" or "i4" or "i8" or "double" or "dateTime.iso8601" or "base64" or "nil" => ReadScalar(),
            var other => throw Bad($"<{other}> inside <value>"),
        };
        ReadText();
        End("value");
        return value;
    }

    private XmlRpcText ReadScalar()
    {
        if (_reader.IsEmptyElement)
        {
            _reader.Read();
            return new XmlRpcText("");
        }

        _reader.Read();
        var text = ReadText();
        if (_reader.NodeType != XmlNodeType.EndElement)
        {
            throw Bad($"<{_reader.LocalName}> inside a plain value");
        }

        _reader.Read();
        return new XmlRpcText(text);
    }

    private XmlRpcStruct ReadStruct(int depth)
    {
        var members = ImmutableDictionary.CreateBuilder<string, XmlRpcValue>(StringComparer.Ordinal);
        if (Enter())
        {
            while (IsElement("member"))
            {
                if (!Enter())
                {
                    throw Bad("an empty <member>");
                }

                Demand("name");
                var name = ReadScalar().Content;
                ReadText();
                members[name] = ReadValue(depth + 1);
                ReadText();
                End("member");
                ReadText();
            }

            End("struct");
        }

        return new XmlRpcStruct(members.ToImmutable());
    }

    private XmlRpcArray ReadArray(int depth)
    {
        var items = ImmutableArray.CreateBuilder<XmlRpcValue>();
        if (Enter())
        {
            Demand("data");
            if (Enter())
            {
                while (IsElement("value"))
                {
                    items.Add(ReadValue(depth + 1));
                    ReadText();
                }

                End("data");
            }

            ReadText();
            End("array");
        }

        return new XmlRpcArray(items.ToImmutable());
    }

    // Steps into an element; answers false, behind it, when it is empty.
    private bool Enter()
    {
        var empty = _reader.IsEmptyElement;
        _reader.Read();
        if (!empty)
        {
            ReadText();
        }

        return !empty;
    }

    private string ReadText()
    {
        StringBuilder? more = null;
        var text = "";
        while (_reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace)
        {
            if (text.Length == 0)
            {
                text = _reader.Value;
            }
            else
            {
                (more ??= new StringBuilder(text)).Append(_reader.Value);
            }

            _reader.Read();
        }

        return more?.ToString() ?? text;
    }

    private bool IsElement(string name) => _reader.NodeType == XmlNodeType.Element && _reader.LocalName == name;

    private void Demand(string name)
    {
        if (!IsElement(name))
        {
            throw Bad($"found {(_reader.NodeType == XmlNodeType.EndElement ? "</" : "<")}{_reader.LocalName}> where <{name}> is needed");
        }
    }

    private void End(string name)
    {
        if (_reader.NodeType != XmlNodeType.EndElement || _reader.LocalName != name)
        {
            throw Bad($"found <{_reader.LocalName}> where </{name}> is needed");
        }

        _reader.Read();
    }

    private string Place() => _reader is IXmlLineInfo info ? FormattableString.Invariant($"{_where}:{info.LineNumber}:{info.LinePosition}") : _where;

    private DiagnosticException Bad(string message) => XenServerDiagnostics.BadXml.ToException(message, Place());
}
