using System.Buffers.Binary;
using System.Text;

namespace Rehost.WindowsRegistry;

/// <summary>A value of a key.</summary>
/// <param name="Name">Its name; empty for the key's default value.</param>
/// <param name="Kind">What the data is.</param>
/// <param name="Data">The data as stored.</param>
public sealed record RegistryValue(string Name, RegistryValueKind Kind, byte[] Data)
{
    /// <summary>Text without what ends it, for text, expandable text and links.</summary>
    /// <exception cref="Model.DiagnosticException">The value is no text (REG008).</exception>
    public string AsText()
        => Kind is RegistryValueKind.Text or RegistryValueKind.ExpandableText or RegistryValueKind.Link
            ? CutAtZero(Decode(Data))
            : throw HiveDiagnostics.BadValue.ToException($"text is needed, it is of type {(int)Kind}", Name);

    /// <summary>Several texts; Windows ends them with an empty one.</summary>
    /// <exception cref="Model.DiagnosticException">The value is of another type (REG008).</exception>
    public IReadOnlyList<string> AsTexts()
    {
        if (Kind != RegistryValueKind.Texts)
        {
            throw HiveDiagnostics.BadValue.ToException($"several texts are needed, it is of type {(int)Kind}", Name);
        }

        var texts = Decode(Data).Split('\0').ToList();
        while (texts.Count > 0 && texts[^1].Length == 0)
        {
            texts.RemoveAt(texts.Count - 1);
        }

        return texts;
    }

    /// <summary>A number of 32 or 64 bits.</summary>
    /// <exception cref="Model.DiagnosticException">The value is no number, or of another size (REG008).</exception>
    public ulong AsNumber() => (Kind, Data.Length) switch
    {
        (RegistryValueKind.Number, >= 4) => BinaryPrimitives.ReadUInt32LittleEndian(Data),
        (RegistryValueKind.BigEndianNumber, >= 4) => BinaryPrimitives.ReadUInt32BigEndian(Data),
        (RegistryValueKind.LongNumber, >= 8) => BinaryPrimitives.ReadUInt64LittleEndian(Data),
        _ => throw HiveDiagnostics.BadValue.ToException($"a number is needed, it is of type {(int)Kind} and has {Data.Length} bytes", Name),
    };

    /// <summary>A value of text.</summary>
    public static RegistryValue OfText(string name, string text, RegistryValueKind kind = RegistryValueKind.Text) => new(name, kind, Encode(text + "\0"));

    /// <summary>A value of several texts.</summary>
    public static RegistryValue OfTexts(string name, IEnumerable<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return new(name, RegistryValueKind.Texts, Encode(string.Concat(texts.Select(text => text + "\0")) + "\0"));
    }

    /// <summary>A value of a 32-bit number.</summary>
    public static RegistryValue OfNumber(string name, uint number)
    {
        var data = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, number);
        return new(name, RegistryValueKind.Number, data);
    }

    /// <summary>A value of a 64-bit number.</summary>
    public static RegistryValue OfLongNumber(string name, ulong number)
    {
        var data = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(data, number);
        return new(name, RegistryValueKind.LongNumber, data);
    }

    /// <summary>A value of bytes.</summary>
    public static RegistryValue OfBytes(string name, byte[] data) => new(name, RegistryValueKind.Binary, data);

    internal static byte[] Encode(string text)
    {
        var data = new byte[text.Length * 2];
        for (var i = 0; i < text.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(i * 2), text[i]); // units as they are, also lone surrogates
        }

        return data;
    }

    internal static string Decode(ReadOnlySpan<byte> data)
    {
        var text = new StringBuilder(data.Length / 2);
        for (var i = 0; i + 1 < data.Length; i += 2)
        {
            text.Append((char)BinaryPrimitives.ReadUInt16LittleEndian(data[i..]));
        }

        return text.ToString();
    }

    private static string CutAtZero(string text) => text.IndexOf('\0', StringComparison.Ordinal) is var end and >= 0 ? text[..end] : text;
}
