using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>Gives the settings of a configuration their types.</summary>
internal sealed class XenConfigBinder
{
    private const long MaximumMemoryMib = 64L << 20;
    private const int MaximumDevices = 512;

    private readonly string _where;
    private readonly Dictionary<string, XenConfigSetting> _settings = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly ImmutableArray<Diagnostic>.Builder _findings = ImmutableArray.CreateBuilder<Diagnostic>();

    public XenConfigBinder(ImmutableArray<XenConfigSetting> settings, string where)
    {
        _where = where;
        foreach (var setting in settings)
        {
            if (_settings.TryGetValue(setting.Name, out var earlier) && _findings.Count < 16)
            {
                _findings.Add(XenDiagnostics.SetTwice.Create($"'{setting.Name}' was already set in line {earlier.Position.Line}", Place(setting.Position)));
            }

            _settings[setting.Name] = setting;
        }
    }

    public XenConfig Bind()
    {
        var mode = Mode();
        var config = new XenConfig
        {
            Where = _where,
            Name = Text("name") is { Length: > 0 } name ? name : Path.GetFileNameWithoutExtension(_where),
            Uuid = Uuid(),
            Memory = Number("memory", MaximumMemoryMib),
            MaximumMemory = Number("maxmem", MaximumMemoryMib),
            VirtualCpus = (int?)Number("vcpus", 4096),
            MaximumVirtualCpus = (int?)Number("maxvcpus", 4096),
            Mode = mode,
            Firmware = FirmwareOf(mode),
            Kernel = NonEmpty(Text("kernel")),
            Ramdisk = NonEmpty(Text("ramdisk")),
            Root = NonEmpty(Text("root")),
            Extra = NonEmpty(Text("extra")),
            CommandLine = NonEmpty(Text("cmdline")),
            Bootloader = NonEmpty(Text("bootloader")),
            BootloaderArguments = [.. Items("bootloader_args").Select(item => item.Text)],
            Disks = [.. Items("disk").Select(item => XenDiskSpecificationParser.Parse(item.Text, Place(item.Position), item.Position))],
            NetworkAdapters = [.. Items("vif").Select(item => XenNetworkSpecificationParser.Parse(item.Text, Place(item.Position), item.Position))],
            FrameBuffers = [.. Items("vfb").Select(item => item.Text)],
            Events = _settings.Values.Where(setting => setting.Name.StartsWith("on_", StringComparison.Ordinal) && _used.Add(setting.Name))
                .ToImmutableSortedDictionary(setting => setting.Name, setting => setting.Value.ToString() ?? "", StringComparer.Ordinal),
        };
        return config with
        {
            Other = _settings.Values.Where(setting => !_used.Contains(setting.Name))
                .ToImmutableSortedDictionary(setting => setting.Name, setting => setting.Value.ToString() ?? "", StringComparer.Ordinal),
            Findings = _findings.ToImmutable(),
        };
    }

    // xl.cfg(5): type wins; builder ("linux", "generic", "hvm") and pvh are its older forms; paravirtual is the default.
    private VirtualizationMode Mode()
    {
        var builder = Text("builder");
        var pvh = Number("pvh", 1);
        var type = Text("type");
        return type switch
        {
            "pv" => VirtualizationMode.Paravirtual,
            "hvm" => VirtualizationMode.Hardware,
            "pvh" => VirtualizationMode.Pvh,
            null or "" => pvh == 1 ? VirtualizationMode.Pvh : builder == "hvm" ? VirtualizationMode.Hardware : VirtualizationMode.Paravirtual,
            _ => throw Error("type", $"'{type}' is not pv, pvh or hvm"),
        };
    }

    private Firmware FirmwareOf(VirtualizationMode mode)
    {
        var firmware = NonEmpty(Text("bios")) ?? NonEmpty(Text("firmware"));
        return mode != VirtualizationMode.Hardware ? Firmware.None : firmware is "ovmf" or "uefi" ? Firmware.Uefi : Firmware.Bios;
    }

    private Guid? Uuid() => NonEmpty(Text("uuid")) is not { } text ? null
        : Guid.TryParse(text, out var uuid) ? uuid
        : throw Error("uuid", $"'{text}' is no UUID");

    private string? Text(string name)
    {
        if (!_settings.TryGetValue(name, out var setting))
        {
            return null;
        }

        _used.Add(name);
        return setting.Value is XenConfigText text ? text.Text : throw Error(name, "a list where one value is needed");
    }

    // strtoul with base 0, as libxlu does: 512, 0x200, 01000.
    private long? Number(string name, long maximum)
    {
        if (NonEmpty(Text(name)) is not { } text)
        {
            return null;
        }

        var hex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        var parsed = long.TryParse(hex ? text.AsSpan(2) : text.AsSpan().Trim(), hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        return parsed && number >= 0 && number <= maximum ? number : throw Error(name, $"'{text}' is not a number from 0 to {maximum}");
    }

    private XenConfigText[] Items(string name)
    {
        if (!_settings.TryGetValue(name, out var setting))
        {
            return [];
        }

        _used.Add(name);
        var items = setting.Value switch
        {
            XenConfigList list => list.Items.Select(item => item as XenConfigText ?? throw Error(name, "a list inside the list")),
            XenConfigText { Text: "" } => [],
            XenConfigText text => [text],
            _ => throw Error(name, "neither a list nor a string"),
        };
        return items.Take(MaximumDevices + 1).ToArray() is { Length: <= MaximumDevices } all ? all : throw Error(name, $"more than {MaximumDevices} entries");
    }

    private static string? NonEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private string Place(XenConfigPosition position) => $"{_where}:{position}";

    private DiagnosticException Error(string name, string message) =>
        XenDiagnostics.BadValue.ToException($"{name}: {message}", Place(_settings[name].Value.Position));
}
