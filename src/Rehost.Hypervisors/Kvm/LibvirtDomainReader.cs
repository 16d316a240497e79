using System.Collections.Immutable;
using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Hypervisors.Kvm;

/// <summary>Reads libvirt domain XML: what <see cref="LibvirtDomainWriter"/> wrote, and what <c>virsh dumpxml</c> prints for a KVM or Xen guest. A DTD is refused.</summary>
public static class LibvirtDomainReader
{
    /// <summary>The longest description that is read.</summary>
    public const int MaximumLength = 4 << 20;

    private const int MaximumDepth = 64;

    /// <summary>Reads a file; relative disk paths are taken from its directory.</summary>
    /// <exception cref="DiagnosticException">Some LVX finding.</exception>
    public static LibvirtDomain Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        byte[] bytes;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            bytes = new byte[Math.Min(stream.CanSeek ? stream.Length : MaximumLength, MaximumLength) + 1];
            bytes = bytes[..stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw LibvirtDiagnostics.Unreadable.ToException(e.Message, path, e);
        }

        return Read(bytes, path, Path.GetDirectoryName(Path.GetFullPath(path)));
    }

    /// <summary>Reads a description.</summary>
    /// <param name="xml">Its bytes.</param>
    /// <param name="where">Name for messages.</param>
    /// <param name="directory">Where relative disk paths begin; null to leave them as they are.</param>
    /// <exception cref="DiagnosticException">Some LVX finding.</exception>
    public static LibvirtDomain Read(ReadOnlyMemory<byte> xml, string where, string? directory = null)
    {
        var domain = Load(xml, where);
        if (domain.Name.LocalName != "domain")
        {
            throw LibvirtDiagnostics.NotADomain.ToException($"the first element is <{domain.Name.LocalName}>", where);
        }

        var type = (string?)domain.Attribute("type") ?? "";
        var osType = domain.Element("os")?.Element("type");
        var devices = domain.Element("devices");
        var isXen = type == "xen";
        var paravirtual = isXen && osType?.Value.Trim() is "xen" or "linux";
        var machine = new VirtualMachine
        {
            Name = domain.Element("name")?.Value.Trim() is { Length: > 0 } name ? name : throw Bad("no <name>", where),
            Description = domain.Element("description")?.Value is { Length: > 0 } description ? description : null,
            Uuid = Guid.TryParse(domain.Element("uuid")?.Value, out var uuid) ? uuid : null,
            Hypervisor = isXen ? Hypervisor.Xen : type is "kvm" or "qemu" ? Hypervisor.Kvm : Hypervisor.Unknown,
            Mode = paravirtual ? VirtualizationMode.Paravirtual : osType?.Value.Trim() == "xenpvh" ? VirtualizationMode.Pvh : VirtualizationMode.Hardware,
            Firmware = paravirtual ? Firmware.None : FirmwareOf(domain.Element("os")),
            HasTpm = devices?.Element("tpm") is not null ? true : null,
            HasSecureBoot = HasSecureBoot(domain.Element("os")) ? true : null,
            MemoryBytes = MemoryOf(domain.Element("memory"), where),
            VirtualCpus = (int)Parse(domain.Element("vcpu")?.Value ?? "1", 1, 4096, "vcpu", where),
            ParavirtualBoot = BootOf(domain),
            Disks = Disks(devices, isXen, where, directory),
            NetworkAdapters = Adapters(devices),
        };
        return new LibvirtDomain(machine, type, (string?)osType?.Attribute("machine") ?? "", (string?)osType?.Attribute("arch") ?? "");
    }

    private static XElement Load(ReadOnlyMemory<byte> xml, string where)
    {
        if (xml.Length > MaximumLength)
        {
            throw LibvirtDiagnostics.TooLarge.ToException($"more than {MaximumLength} bytes", where);
        }

        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, IgnoreComments = true };
        try
        {
            // First a pass that only counts: XElement and its consumers recurse, so the depth must be known to be small.
            using (var counting = XmlReader.Create(new MemoryStream(xml.ToArray()), settings))
            {
                while (counting.Read())
                {
                    if (counting.Depth > MaximumDepth)
                    {
                        throw LibvirtDiagnostics.TooLarge.ToException($"elements nested deeper than {MaximumDepth}", where);
                    }
                }
            }

            using var reader = XmlReader.Create(new MemoryStream(xml.ToArray()), settings);
            return XElement.Load(reader);
        }
        catch (Exception e) when (e is XmlException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            throw LibvirtDiagnostics.BadXml.ToException(e.Message, where, e);
        }
    }

    private static Firmware FirmwareOf(XElement? os) =>
        (string?)os?.Attribute("firmware") == "efi" || (string?)os?.Element("loader")?.Attribute("type") == "pflash" ? Firmware.Uefi : Firmware.Bios;

    // What libvirt was asked for stands in <firmware>; with a loader that was named, secure='yes' says that it can.
    private static bool HasSecureBoot(XElement? os)
        => os?.Element("firmware")?.Elements("feature").FirstOrDefault(feature => (string?)feature.Attribute("name") == "secure-boot") is { } feature
            ? (string?)feature.Attribute("enabled") == "yes" : (string?)os?.Element("loader")?.Attribute("secure") == "yes";

    private static ParavirtualBoot? BootOf(XElement domain)
    {
        var os = domain.Element("os");
        var bootloader = Text(domain.Element("bootloader"));
        var kernel = Text(os?.Element("kernel"));
        return bootloader is null && kernel is null ? null : new ParavirtualBoot(bootloader, kernel, Text(os?.Element("initrd")), Text(os?.Element("cmdline")) ?? "");
    }

    // formatdomain: the unit is KiB unless said; KB and kB… are decimal.
    private static long MemoryOf(XElement? memory, string where)
    {
        var unit = (string?)memory?.Attribute("unit") ?? "KiB";
        long factor = unit switch
        {
            "b" or "bytes" => 1,
            "KB" => 1000,
            "k" or "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "M" or "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "G" or "GiB" => 1 << 30,
            "TB" => 1_000_000_000_000,
            "T" or "TiB" => 1L << 40,
            _ => throw Bad($"<memory> has the unit '{unit}'", where),
        };
        return Parse(memory?.Value ?? "", 1, (1L << 46) / factor, "memory", where) * factor;
    }

    private static ImmutableArray<VirtualDisk> Disks(XElement? devices, bool isXen, string where, string? directory)
    {
        var disks = ImmutableArray.CreateBuilder<VirtualDisk>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var bootOrders = devices?.Elements("disk").Any(disk => disk.Element("boot") is not null) ?? false;
        foreach (var element in devices?.Elements("disk") ?? [])
        {
            if ((string?)element.Attribute("device") is "cdrom" or "floppy")
            {
                continue;
            }

            var target = (string?)element.Element("target")?.Attribute("dev") ?? throw Bad("a <disk> without <target dev>", where);
            if (!names.Add(target))
            {
                throw Bad($"two disks are '{target}'", where);
            }

            var source = element.Element("source");
            var path = (string?)source?.Attribute("file") ?? (string?)source?.Attribute("dev");
            disks.Add(new VirtualDisk
            {
                Id = target,
                DeviceName = isXen ? XenDeviceName.Normalize(target) ?? target : target,
                Path = path is null || directory is null || path.Contains('\0', StringComparison.Ordinal) ? path : Path.GetFullPath(path, directory),
                Format = (string?)element.Element("driver")?.Attribute("type") is { Length: > 0 } format && format != "aio" ? format : "raw",
                Bus = (string?)element.Element("target")?.Attribute("bus") is "sata" or "ide" or "scsi" ? (string?)element.Element("target")?.Attribute("bus") : null,
                IsReadOnly = element.Element("readonly") is not null,
                IsBootable = bootOrders ? (string?)element.Element("boot")?.Attribute("order") == "1" : disks.Count == 0,
            });
        }

        return disks.ToImmutable();
    }

    private static ImmutableArray<NetworkAdapter> Adapters(XElement? devices) =>
    [
        .. (devices?.Elements("interface") ?? []).Select(element => new NetworkAdapter
        {
            MacAddress = (string?)element.Element("mac")?.Attribute("address") is { } mac ? XenNetworkSpecificationParser.NormalizeMac(mac) : null,
            Network = (string?)element.Attribute("type") == "network"
                ? (string?)element.Element("source")?.Attribute("network") is { } network ? "network:" + network : null
                : (string?)element.Element("source")?.Attribute("bridge"),
            Model = (string?)element.Element("model")?.Attribute("type"),
        }),
    ];

    private static string? Text(XElement? element) => element?.Value.Trim() is { Length: > 0 } text ? text : null;

    private static long Parse(string text, long minimum, long maximum, string what, string where) =>
        long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= minimum && number <= maximum
            ? number
            : throw Bad($"<{what}> is '{text}', not a number from {minimum} to {maximum}", where);

    private static DiagnosticException Bad(string message, string where) => LibvirtDiagnostics.BadValue.ToException(message, where);
}
