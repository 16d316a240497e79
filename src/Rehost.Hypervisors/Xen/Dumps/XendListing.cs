using System.Globalization;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen.Dumps;

/// <summary>Guests as xend printed and stored them: <c>xm list --long</c>, /var/lib/xend/domains/UUID/config.sxp (XendConfig.py of Xen 3 and 4.0 to 4.4).</summary>
internal static class XendListing
{
    public static bool Looks(ReadOnlySpan<char> text) => text.StartsWith("(") && text[1..].TrimStart() is var rest && (rest.StartsWith("domain") || rest.StartsWith("vm"));

    public static List<XenConfig> Read(string text, string where)
        => [.. Sxp.Read(text, where).Where(item => item.Name is "domain" or "vm" && item.Text("domid") != "0" && item.Text("name") != "Domain-0").Select(domain => Guest(domain, where))];

    private static XenConfig Guest(Sxp domain, string where)
    {
        // (image (linux (kernel …) (root …) (args …))): the kind is the name of the list inside.
        var image = domain.Child("image")?.Items.Skip(1).FirstOrDefault(item => item.Name is not null);
        var isHardware = image?.Name == "hvm";
        var devices = domain.Items.Where(item => item.Name == "device" && item.Items.Count > 1).Select(item => item.Items[1]).ToList();
        return XenDump.Finish(new XenConfig
        {
            Where = where,
            Name = domain.Text("name") ?? throw XenDiagnostics.BadDump.ToException("a domain has no name", where),
            Uuid = Guid.TryParse(domain.Text("uuid"), out var uuid) ? uuid : null,
            Mode = isHardware ? VirtualizationMode.Hardware : VirtualizationMode.Paravirtual,
            Firmware = isHardware ? Firmware.Bios : Firmware.None,
            Memory = Mebibytes(domain.Text("memory")),
            MaximumMemory = Mebibytes(domain.Text("maxmem")),
            VirtualCpus = int.TryParse(domain.Text("vcpus"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is > 0 and <= 4096 ? count : null,
            Kernel = image?.Text("kernel"),
            Ramdisk = image?.Text("ramdisk"),
            CommandLine = Arguments(image),
            Bootloader = domain.Text("bootloader") is { } loader ? Path.GetFileName(loader) : null,
            Disks = [.. devices.Where(device => device.Name is "vbd" or "tap" or "tap2").Select(device => Disk(device, where))],
            NetworkAdapters = [.. devices.Where(device => device.Name == "vif").Select(device => new XenNetworkSpecification
            {
                Text = device.Text("mac") ?? "",
                MacAddress = device.Text("mac")?.ToLowerInvariant(),
                Bridge = device.Text("bridge"),
                Model = device.Text("model"),
                Type = device.Text("type"),
            })],
            FrameBuffers = [.. devices.Where(device => device.Name == "vfb").Select(device => device.Text("type") ?? "vnc")],
            Events = XenDump.Events(key => domain.Text(key)),
        });
    }

    private static XenDiskSpecification Disk(Sxp device, string where)
        => XenDump.Disk(
            device.Text("uname") ?? throw XenDiagnostics.BadDump.ToException($"the disk {device.Text("dev")} has no uname", where),
            device.Text("dev") ?? throw XenDiagnostics.BadDump.ToException($"the disk {device.Text("uname")} has no dev", where), device.Text("mode") ?? "w", where);

    // ip= is what xend's network boot left there; a root of its own stands before the arguments.
    private static string? Arguments(Sxp? image)
        => image?.Text("args") is { } args ? (image.Text("root") is { } root && !args.Contains("root=", StringComparison.Ordinal) ? $"root={root} {args}" : args).Trim()
        : image?.Text("root") is { } alone ? $"root={alone}" : null;

    private static long? Mebibytes(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 64L << 20 ? number : null;
}
