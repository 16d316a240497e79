using System.Buffers.Binary;

namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>An element of a boot object. Its type's second digit says what the data is.</summary>
/// <param name="Type">The type, which is the key's name: 0x11000001 and so on.</param>
/// <param name="Data">The registry value that holds the data.</param>
public sealed record BcdElement(uint Type, RegistryValue Data)
{
    internal const string ValueName = "Element";

    /// <summary>What the data is.</summary>
    public BcdElementFormat Format => (BcdElementFormat)((Type >> 24) & 0xF);

    /// <summary>A device.</summary>
    public BcdDevice AsDevice() => BcdDevice.Decode(Demand(BcdElementFormat.Device).Data);

    /// <summary>Text.</summary>
    public string AsText() => Demand(BcdElementFormat.Text).AsText();

    /// <summary>The id of an object.</summary>
    public Guid AsId() => ParseId(Demand(BcdElementFormat.ObjectId).AsText());

    /// <summary>Ids of objects, in order.</summary>
    public IReadOnlyList<Guid> AsIds() => [.. Demand(BcdElementFormat.ObjectIds).AsTexts().Select(ParseId)];

    /// <summary>A number.</summary>
    public ulong AsNumber()
    {
        var data = Demand(BcdElementFormat.Number).Data;
        return data.Length >= 8 ? BinaryPrimitives.ReadUInt64LittleEndian(data) : throw Damaged($"a number of {data.Length} bytes");
    }

    /// <summary>Yes or no.</summary>
    public bool AsFlag()
    {
        var data = Demand(BcdElementFormat.Flag).Data;
        return data.Length >= 1 ? data[0] != 0 : throw Damaged("a flag without a byte");
    }

    /// <summary>Numbers.</summary>
    public IReadOnlyList<ulong> AsNumbers()
    {
        var data = Demand(BcdElementFormat.Numbers).Data;
        return [.. Enumerable.Range(0, data.Length / 8).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(i * 8)))];
    }

    /// <summary>An element of a device.</summary>
    public static BcdElement OfDevice(uint type, BcdDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Make(type, BcdElementFormat.Device, RegistryValue.OfBytes(ValueName, device.Encode()));
    }

    /// <summary>An element of text.</summary>
    public static BcdElement OfText(uint type, string text) => Make(type, BcdElementFormat.Text, RegistryValue.OfText(ValueName, text));

    /// <summary>An element of an id.</summary>
    public static BcdElement OfId(uint type, Guid id) => Make(type, BcdElementFormat.ObjectId, RegistryValue.OfText(ValueName, id.ToString("b")));

    /// <summary>An element of ids.</summary>
    public static BcdElement OfIds(uint type, IEnumerable<Guid> ids) => Make(type, BcdElementFormat.ObjectIds, RegistryValue.OfTexts(ValueName, ids.Select(id => id.ToString("b"))));

    /// <summary>An element of a number.</summary>
    public static BcdElement OfNumber(uint type, ulong number)
    {
        var data = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(data, number);
        return Make(type, BcdElementFormat.Number, RegistryValue.OfBytes(ValueName, data));
    }

    /// <summary>An element of yes or no.</summary>
    public static BcdElement OfFlag(uint type, bool flag) => Make(type, BcdElementFormat.Flag, RegistryValue.OfBytes(ValueName, [(byte)(flag ? 1 : 0)]));

    /// <summary>The data in words; bytes where it is not what its type says.</summary>
    public override string ToString()
    {
        try
        {
            return Format switch
            {
                BcdElementFormat.Device => AsDevice().ToString(),
                BcdElementFormat.Text => AsText(),
                BcdElementFormat.ObjectId => AsId().ToString("b"),
                BcdElementFormat.ObjectIds => string.Join(' ', AsIds().Select(id => id.ToString("b"))),
                BcdElementFormat.Number => $"{AsNumber()}",
                BcdElementFormat.Flag => AsFlag() ? "yes" : "no",
                BcdElementFormat.Numbers => string.Join(' ', AsNumbers().Select(number => $"0x{number:x}")),
                _ => Convert.ToHexStringLower(Data.Data),
            };
        }
        catch (Model.DiagnosticException)
        {
            return Convert.ToHexStringLower(Data.Data);
        }
    }

    private static BcdElement Make(uint type, BcdElementFormat format, RegistryValue data)
        => new BcdElement(type, data) is var made && made.Format == format
            ? made
            : throw HiveDiagnostics.Unsuitable.ToException($"an element of type 0x{type:x8} holds data of kind {made.Format}, not {format}");

    private RegistryValue Demand(BcdElementFormat format)
        => Format == format ? Data : throw HiveDiagnostics.BadBootStore.ToException($"data of kind {format} is needed, it is of kind {Format}", $"element 0x{Type:x8}");

    private Guid ParseId(string text) => Guid.TryParseExact(text, "b", out var id) ? id : throw Damaged($"'{text}' is no id");

    private Model.DiagnosticException Damaged(string what) => HiveDiagnostics.BadBootStore.ToException(what, $"element 0x{Type:x8}");
}
