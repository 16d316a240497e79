using System.Globalization;
using System.Text.Json;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen.Dumps;

/// <summary>The JSON of <c>xl list -l</c>, and of <c>xl create -n</c> and libxl's stored configurations: libxl_domain_config (libxl_types.idl), defaults left out.</summary>
internal static class XlListing
{
    private const int Deepest = 32;

    public static bool Looks(ReadOnlySpan<char> text) => text.StartsWith("[") ? text[1..].TrimStart().StartsWith("{") : text.StartsWith("{");

    public static List<XenConfig> Read(string text, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = Deepest });
            var root = document.RootElement;
            var entries = root.ValueKind == JsonValueKind.Array ? root.EnumerateArray().ToList() : [root];
            return [.. entries.Where(entry => Number(entry, "domid") != 0).Select(entry => Guest(Object(entry, "config") ?? entry, where))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw XenDiagnostics.BadDump.ToException(e.Message, where, e);
        }
    }

    private static XenConfig Guest(JsonElement config, string where)
    {
        var (create, build) = (Object(config, "c_info") ?? default, Object(config, "b_info") ?? default);
        var type = Text(create, "type") ?? Text(build, "type") ?? "pv";
        var own = Object(build, "type." + type) ?? Object(build, "u." + type) ?? default;
        return XenDump.Finish(new XenConfig
        {
            Where = where,
            Name = Text(create, "name") ?? throw XenDiagnostics.BadDump.ToException("a guest has no c_info with a name", where),
            Uuid = Guid.TryParse(Text(create, "uuid"), out var uuid) ? uuid : null,
            Mode = type switch { "hvm" => VirtualizationMode.Hardware, "pvh" => VirtualizationMode.Pvh, _ => VirtualizationMode.Paravirtual },
            Firmware = type != "hvm" ? Firmware.None : Text(own, "bios") == "ovmf" ? Firmware.Uefi : Firmware.Bios,
            Memory = (Number(build, "target_memkb") ?? Number(build, "max_memkb")) / 1024,
            MaximumMemory = Number(build, "max_memkb") / 1024,
            VirtualCpus = (int?)Math.Clamp(Number(build, "max_vcpus") ?? 1, 1, 4096),

            // Until Xen 4.11 these were settings of PV alone and stood with its own.
            Kernel = Text(build, "kernel") ?? Text(own, "kernel"),
            Ramdisk = Text(build, "ramdisk") ?? Text(own, "ramdisk"),
            CommandLine = Text(build, "cmdline") ?? Text(own, "cmdline"),
            Bootloader = Text(build, "bootloader") ?? Text(own, "bootloader"),
            Disks = [.. List(config, "disks").Select(disk => Disk(disk, where))],
            NetworkAdapters = [.. List(config, "nics").Select(Adapter)],
            FrameBuffers = [.. List(config, "vfbs").Select(_ => "vnc")],
            Events = XenDump.Events(key => Text(config, key) is { } word ? Action(word) : null),
        });
    }

    private static XenDiskSpecification Disk(JsonElement disk, string where)
    {
        var device = XenDeviceName.Normalize(Text(disk, "vdev") ?? "") ?? throw XenDiagnostics.BadDump.ToException($"a disk has the name '{Text(disk, "vdev")}'", where);
        var isCdrom = Number(disk, "is_cdrom") == 1;
        return new XenDiskSpecification
        {
            Text = $"{Text(disk, "pdev_path")},{device}",
            Target = Text(disk, "pdev_path") is { Length: > 0 } path ? path : isCdrom ? "" : throw XenDiagnostics.BadDump.ToException($"the disk {device} has no pdev_path", where),
            Format = Text(disk, "format") switch { null or "raw" or "empty" or "unknown" => "raw", var format => format },
            DeviceName = device,
            IsReadOnly = Number(disk, "readwrite") != 1,
            IsCdrom = isCdrom,
            IsPhysical = Text(disk, "backend") == "phy",
            Script = Text(disk, "script"),
            Backend = Text(disk, "backend_domname"),
        };
    }

    private static XenNetworkSpecification Adapter(JsonElement nic) => new()
    {
        Text = Text(nic, "mac") ?? "",
        MacAddress = Text(nic, "mac")?.ToLowerInvariant(),
        Bridge = Text(nic, "bridge"),
        Model = Text(nic, "model"),
        Type = Text(nic, "nictype")?.Replace("vif_ioemu", "ioemu", StringComparison.Ordinal),
    };

    // libxl's names of what configurations call rename-restart, coredump-destroy …
    private static string Action(string word) => word == "restart_rename" ? "rename-restart" : word.Replace('_', '-');

    private static JsonElement? Object(JsonElement element, string name)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static JsonElement.ArrayEnumerator List(JsonElement element, string name)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : default;

    private static string? Text(JsonElement element, string name)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A number; libxl's defbools are the words True and False.</summary>
    private static long? Number(JsonElement element, string name)
        => element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out var value) ? null
        : value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetInt64(out var number) && number is >= 0 and <= 1L << 50 ? number : throw new FormatException($"{name} is {value.GetRawText()}"),
            JsonValueKind.True => 1,
            JsonValueKind.False => 0,
            JsonValueKind.String => long.TryParse(value.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var text) ? text : value.GetString() == "True" ? 1 : 0,
            _ => null,
        };
}
