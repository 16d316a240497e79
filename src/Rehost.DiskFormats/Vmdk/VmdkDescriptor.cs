using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>The text that describes a disk (Virtual Disk Format 5.0, "The Descriptor File"): keys, extents, and the disk database of <c>ddb.</c> keys.</summary>
internal sealed class VmdkDescriptor
{
    public const int SizeMax = 4 << 20;
    public const int ExtentsMax = 4096;
    public const uint NoParent = uint.MaxValue;
    private const string Start = "# Disk DescriptorFile";
    private readonly ImmutableArray<Line> _lines;
    private readonly string _lineEnd;
    private readonly Encoding? _encoding;

    private VmdkDescriptor(ImmutableArray<Line> lines, string lineEnd, Encoding? encoding)
    {
        _lines = lines;
        _lineEnd = lineEnd;
        _encoding = encoding;
        Extents = [.. lines.Select(line => line.Extent).OfType<VmdkExtentLine>()];
    }

    public ImmutableArray<VmdkExtentLine> Extents { get; }

    public string CreateType => Value("createType") ?? "";

    public string? ParentHint => Value("parentFileNameHint");

    public uint? ContentId => Hexadecimal("CID");

    public uint? ParentContentId => Hexadecimal("parentCID");

    /// <summary>Whether text is a descriptor. Editors may have put a byte order mark or blank lines before it.</summary>
    public static bool IsDescriptor(ReadOnlySpan<byte> head)
    {
        head = head.StartsWith((ReadOnlySpan<byte>)[0xef, 0xbb, 0xbf]) ? head[3..] : head;
        head = head.TrimStart(" \t\r\n"u8);
        return head.Length >= Start.Length && Ascii.EqualsIgnoreCase(head[..Start.Length], Start);
    }

    /// <summary>Reads a descriptor; what follows a NUL is padding.</summary>
    public static VmdkDescriptor Parse(ReadOnlySpan<byte> bytes, string name)
    {
        var end = bytes.IndexOf((byte)0);
        bytes = end < 0 ? bytes : bytes[..end];
        if (!IsDescriptor(bytes))
        {
            throw VmdkDiagnostics.BadDescriptor.ToException($"the text does not start with '{Start}'", name);
        }

        var encoding = FindEncoding(ParseLines(Encoding.Latin1.GetString(bytes), null, name).Value("encoding"));
        var descriptor = ParseLines(encoding is null ? GuestText.Decode(bytes) : encoding.GetString(bytes), encoding, name);
        descriptor.Check(name);
        return descriptor;
    }

    /// <summary>The value of a key, without quotes; the first one counts. Keys are compared without regard to case, as VMware does.</summary>
    public string? Value(string key)
    {
        foreach (var line in _lines)
        {
            if (line.Key.Length > 0 && string.Equals(line.Key, key, StringComparison.OrdinalIgnoreCase))
            {
                return line.Value;
            }
        }

        return null;
    }

    public byte[] ToBytes()
    {
        var text = string.Join(_lineEnd, _lines.Select(line => line.ToString()));
        return _encoding is null ? GuestText.Encode(text) : _encoding.GetBytes(text);
    }

    private static VmdkDescriptor ParseLines(string text, Encoding? encoding, string name)
    {
        var lineEnd = text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        var lines = ImmutableArray.CreateBuilder<Line>();
        var extents = 0;
        foreach (var line in text.Split(lineEnd))
        {
            var trimmed = line.Trim();
            if (VmdkExtentLine.TryParse(trimmed, out var fault) is { } extent)
            {
                lines.Add(new Line(line, "", "", extent));
                extents++;
            }
            else if (fault is not null || extents > ExtentsMax)
            {
                throw VmdkDiagnostics.BadDescriptor.ToException(fault ?? $"there are more than {ExtentsMax} extents", name);
            }
            else if (!trimmed.StartsWith('#') && trimmed.IndexOf('=', StringComparison.Ordinal) is > 0 and var at)
            {
                lines.Add(new Line(line, trimmed[..at].TrimEnd(), Unquote(trimmed[(at + 1)..].Trim()), null));
            }
            else
            {
                lines.Add(new Line(line, "", "", null));
            }
        }

        return extents > ExtentsMax
            ? throw VmdkDiagnostics.BadDescriptor.ToException($"there are more than {ExtentsMax} extents", name)
            : new VmdkDescriptor(lines.ToImmutable(), lineEnd, encoding);
    }

    private static string Unquote(string value) => value.Length >= 2 && value[0] == '"' && value[^1] == '"' ? value[1..^1] : value;

    /// <summary>Null for UTF-8 and for names that nobody knows: then bytes are kept as they are.</summary>
    private static Encoding? FindEncoding(string? name)
    {
        if (name is null || name.Equals("UTF-8", StringComparison.OrdinalIgnoreCase) || name.Length > 40)
        {
            return null;
        }

        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name) is { IsSingleByte: true } or { CodePage: 932 or 936 or 949 or 950 } ? CodePagesEncodingProvider.Instance.GetEncoding(name) : null;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private uint? Hexadecimal(string key) => uint.TryParse(Value(key), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;

    private void Check(string name)
    {
        if (Value("version") is { } version && version is not ("1" or "2" or "3" or "4"))
        {
            throw VmdkDiagnostics.UnsupportedVersion.ToException($"descriptor version {version}; 1 to 4 are read", name);
        }

        foreach (var line in _lines)
        {
            // Workstation writes encryptionKeys or encryption.*; ESXi puts the disk under the filter vmwarevmcrypt.
            if (line.Key.StartsWith("encryption", StringComparison.OrdinalIgnoreCase)
                || (line.Key.EndsWith("iofilters", StringComparison.OrdinalIgnoreCase) && line.Value.Contains("crypt", StringComparison.OrdinalIgnoreCase)))
            {
                throw VmdkDiagnostics.Encrypted.ToException($"the descriptor says {line.Key}", name);
            }
        }

        if (CreateType is var type && (type.Contains("Device", StringComparison.OrdinalIgnoreCase) || type.StartsWith("vmfsR", StringComparison.OrdinalIgnoreCase)))
        {
            throw VmdkDiagnostics.UnsupportedFeature.ToException($"createType \"{type}\": the disk is a device of its host, not a file", name);
        }
    }

    /// <summary>A line as it was read; extents are written anew from what was understood.</summary>
    private sealed record Line(string Text, string Key, string Value, VmdkExtentLine? Extent)
    {
        public override string ToString() => Extent is null ? Text : Extent.ToString();
    }
}
