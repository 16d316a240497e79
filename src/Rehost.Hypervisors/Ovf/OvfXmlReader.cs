using System.Collections.Immutable;
using System.Text;
using System.Xml;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>Reads a descriptor into elements. It comes from a stranger: a DTD is refused, so there are no entities to expand; size, depth and the number of elements are limited.</summary>
internal static class OvfXmlReader
{
    /// <summary>The longest descriptor that is read; real ones have kilobytes.</summary>
    public const int MaximumLength = 16 << 20;

    private const int MaximumDepth = 64;
    private const int MaximumElements = 200_000;

    /// <summary>Reads a document.</summary>
    /// <exception cref="DiagnosticException">OVF001 or OVF002.</exception>
    public static OvfElement Read(byte[] xml, string where)
    {
        try
        {
            using var stream = new MemoryStream(xml, writable: false);
            using var reader = XmlReader.Create(stream, new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null,
                IgnoreComments = true,
                IgnoreProcessingInstructions = true,
                IgnoreWhitespace = true,
                MaxCharactersInDocument = MaximumLength,
            });
            return Read(reader, where);
        }
        catch (Exception e) when (e is XmlException or DecoderFallbackException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw OvfDiagnostics.BadXml.ToException(e.Message, where, e);
        }
    }

    private static OvfElement Read(XmlReader reader, string where)
    {
        var open = new Stack<Builder>();
        for (var elements = 0; reader.Read();)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    if (open.Count >= MaximumDepth || ++elements > MaximumElements)
                    {
                        throw OvfDiagnostics.TooLarge.ToException(open.Count >= MaximumDepth ? $"elements nested deeper than {MaximumDepth}" : $"more than {MaximumElements} elements", where);
                    }

                    var isEmpty = reader.IsEmptyElement;
                    open.Push(new Builder(reader));
                    if (isEmpty && Close(open) is { } emptyRoot)
                    {
                        return emptyRoot;
                    }

                    break;
                case XmlNodeType.EndElement when Close(open) is { } root:
                    return root;
                case XmlNodeType.Text or XmlNodeType.CDATA when open.TryPeek(out var current):
                    current.Text.Append(reader.Value);
                    break;
            }
        }

        throw OvfDiagnostics.BadXml.ToException("the document has no element", where);
    }

    private static OvfElement? Close(Stack<Builder> open)
    {
        var element = open.Pop().Build();
        if (!open.TryPeek(out var parent))
        {
            return element;
        }

        parent.Children.Add(element);
        return null;
    }

    private sealed class Builder
    {
        private readonly string _name;
        private readonly ImmutableDictionary<string, string> _attributes;

        public Builder(XmlReader reader)
        {
            _name = reader.LocalName;
            var attributes = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
            while (reader.MoveToNextAttribute())
            {
                if (reader.Prefix != "xmlns")
                {
                    attributes[reader.LocalName] = reader.Value;
                }
            }

            reader.MoveToElement();
            _attributes = attributes.ToImmutable();
        }

        public ImmutableArray<OvfElement>.Builder Children { get; } = ImmutableArray.CreateBuilder<OvfElement>();

        public StringBuilder Text { get; } = new();

        public OvfElement Build() => new(_name, _attributes, Children.ToImmutable(), Text.ToString());
    }
}
