using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen.Dumps;

/// <summary>
/// The whole store as <c>xenstore-ls</c> (a tree by indentation) or <c>xenstore-ls -f</c> (full paths) prints it. Disks are told by the back ends in dom0's part
/// (backend/vbd/DOMID/NUMBER: params, dev, mode), the rest by /local/domain/DOMID and /vm/UUID.
/// </summary>
internal sealed class XenStoreListing
{
    private const int MostNodes = 500_000;
    private const int Deepest = 64;
    private const int LongestLine = 8192; // a value has at most 4 KiB (xenstore's payload)
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _children = new(StringComparer.Ordinal);
    private readonly string _where;

    private XenStoreListing(string where) => _where = where;

    public static bool Looks(ReadOnlySpan<char> text)
    {
        var end = text.IndexOf('\n');
        var first = (end < 0 ? text : text[..end]).TrimEnd();
        return first.StartsWith("/local/domain/") || first.StartsWith("/vm") || first.StartsWith("/tool")
            || ((first.StartsWith("tool = \"") || first.StartsWith("vm = \"") || first.StartsWith("local = \"")) && text.IndexOf("\n domain = \"") >= 0);
    }

    public static List<XenConfig> Read(string text, string where)
    {
        var store = new XenStoreListing(where);
        store.Fill(text);
        return [.. store.Children("/local/domain").Where(id => id != "0" && store.Value($"/local/domain/{id}/name") is not null).Select(store.Guest)];
    }

    private void Fill(string text)
    {
        var path = new List<string>();
        foreach (var whole in text.Split('\n'))
        {
            var line = whole.TrimEnd('\r');
            var depth = line.Length - line.TrimStart(' ').Length;
            var equals = line.IndexOf(" = \"", StringComparison.Ordinal);
            if (line.Length == 0 || line[^1] == '.' || equals <= depth)
            {
                continue; // what was cut to the width of a terminal ends in dots
            }

            if (depth > path.Count || depth > Deepest || line.Length > LongestLine || _values.Count >= MostNodes)
            {
                throw (depth > path.Count ? XenDiagnostics.BadDump : XenDiagnostics.TooLarge).ToException($"the line '{line.Trim()}' is {depth} deep below {path.Count} ({_values.Count} lines so far)", _where);
            }

            // With -p, permissions follow the value; a quote inside of the value is written \".
            var end = line.LastIndexOf('"');
            var value = Unescape(line[Math.Min(end, equals + 4)..end]);
            var name = line[depth..equals];
            path.RemoveRange(depth, path.Count - depth);
            path.Add(name);
            Add(name.StartsWith('/') ? name : "/" + string.Join('/', path), value);
        }
    }

    private void Add(string path, string value)
    {
        _values[path] = value;
        for (var slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/'))
        {
            var name = path[(slash + 1)..];
            path = path[..slash];
            if (!_children.TryGetValue(path, out var names))
            {
                _children[path] = names = new(StringComparer.Ordinal);
            }

            if (!names.Add(name))
            {
                return;
            }
        }
    }

    private XenConfig Guest(string id)
    {
        var domain = $"/local/domain/{id}";
        var vm = Value($"{domain}/vm") ?? "";
        var os = Value($"{vm}/image/ostype");
        var isHardware = os == "hvm" || Value($"{domain}/hvmloader/bios") is not null;
        return XenDump.Finish(new XenConfig
        {
            Where = _where,
            Name = Value($"{domain}/name") ?? id,
            Uuid = Guid.TryParse(vm.Split('/')[^1], out var uuid) || Guid.TryParse(Value($"{vm}/uuid"), out uuid) ? uuid : null,
            Mode = isHardware ? VirtualizationMode.Hardware : VirtualizationMode.Paravirtual,
            Firmware = !isHardware ? Firmware.None : Value($"{domain}/hvmloader/bios") == "ovmf" ? Firmware.Uefi : Firmware.Bios,
            Memory = Kibibytes($"{domain}/memory/target") / 1024 ?? Kibibytes($"{vm}/memory"),
            MaximumMemory = Kibibytes($"{domain}/memory/static-max") / 1024 ?? Kibibytes($"{vm}/maxmem"),
            VirtualCpus = Children($"{domain}/cpu").Count is > 0 and <= 4096 and var count ? count : null,
            Kernel = Value($"{vm}/image/kernel"),
            Ramdisk = Value($"{vm}/image/ramdisk"),
            CommandLine = Value($"{vm}/image/cmdline"),
            Bootloader = Value($"{vm}/bootloader") is { } loader ? Path.GetFileName(loader) : null,
            Disks = [.. Children($"{domain}/device/vbd").Select(number => Disk($"{domain}/device/vbd/{number}", number))],
            NetworkAdapters = [.. Children($"{domain}/device/vif").OrderBy(number => number.PadLeft(8, '0'), StringComparer.Ordinal).Select(number => Adapter($"{domain}/device/vif/{number}"))],
            FrameBuffers = [.. Children($"{domain}/device/vfb").Select(_ => "vnc")],
            Events = XenDump.Events(key => Value($"{vm}/{key}")),
        });
    }

    private XenDiskSpecification Disk(string device, string number)
    {
        var back = Value($"{device}/backend") ?? "";
        var name = XenDeviceName.Normalize(Value($"{back}/dev") ?? number) ?? throw XenDiagnostics.BadDump.ToException($"the disk '{number}' has no name that a disk can have", _where);
        var isCdrom = Value($"{device}/device-type") == "cdrom";
        var parameters = Value($"{back}/params") ?? "";
        if (parameters.Length == 0 && !isCdrom)
        {
            throw XenDiagnostics.BadDump.ToException($"what the disk {name} is made of is not in it: {(back.Length == 0 ? device + "/backend" : back + "/params")} is missing", _where);
        }

        // aio:/path and qcow2:/path come from tapdisk and QEMU, a bare path from the block script.
        var kind = Value($"{back}/type") ?? "";
        var isPhysical = kind is "phy" or "" && !parameters.Contains(':', StringComparison.Ordinal);
        return isCdrom && parameters.Length == 0
            ? new XenDiskSpecification { Text = name, DeviceName = name, IsCdrom = true, IsReadOnly = true }
            : XenDump.Disk((isPhysical ? "phy:" : kind == "file" ? "file:" : "tap:") + parameters, name + (isCdrom ? ":cdrom" : ""), Value($"{back}/mode") ?? "w", _where);
    }

    private XenNetworkSpecification Adapter(string device)
    {
        var back = Value($"{device}/backend") ?? "";
        var mac = Value($"{device}/mac") ?? Value($"{back}/mac");
        return new XenNetworkSpecification { Text = mac ?? "", MacAddress = mac?.ToLowerInvariant(), Bridge = Value($"{back}/bridge"), Type = Value($"{back}/type") };
    }

    private string? Value(string path) => _values.TryGetValue(path, out var value) ? value : null;

    /// <summary>Names of the nodes below a node, in ordinal order.</summary>
    private SortedSet<string> Children(string path) => _children.TryGetValue(path, out var names) ? names : [];

    private long? Kibibytes(string path) => long.TryParse(Value(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 1L << 40 ? number : null;

    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder();
        for (var at = 0; at < text.Length; at++)
        {
            result.Append(text[at] == '\\' && at + 1 < text.Length ? text[++at] : text[at]);
        }

        return result.ToString();
    }
}
