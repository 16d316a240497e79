using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Hypervisors.Kvm;

/// <summary>
/// Writes the libvirt domain of a KVM guest: the file that <c>virsh define</c> takes. Same machine and options, same bytes. The graphical console listens on
/// 127.0.0.1 only (S1.35); the serial console is the one that the converted guest logs in on (S1.29, S1.36).
/// </summary>
public sealed class LibvirtDomainWriter
{
    private const int MaximumNameLength = 128;
    private const int MaximumDevices = 26;

    private static readonly XNamespace s_osinfo = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

    private readonly VirtualMachine _machine;
    private readonly LibvirtDomainOptions _options;

    private LibvirtDomainWriter(VirtualMachine machine, LibvirtDomainOptions options)
    {
        _machine = machine;
        _options = options;
    }

    /// <summary>Writes a machine.</summary>
    /// <param name="machine">The machine as it shall be on the target; its disks name their files in <see cref="VirtualDisk.Path"/>.</param>
    /// <param name="options">Choices.</param>
    /// <returns>The XML text, ending in a newline.</returns>
    /// <exception cref="DiagnosticException">LVX006.</exception>
    public static string Write(VirtualMachine machine, LibvirtDomainOptions options)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(options);
        var text = new StringBuilder();
        var settings = new XmlWriterSettings { Indent = true, IndentChars = "  ", OmitXmlDeclaration = true, NewLineChars = "\n" };
        using (var writer = XmlWriter.Create(text, settings))
        {
            new LibvirtDomainWriter(machine, options).Domain().WriteTo(writer);
        }

        return text.Append('\n').ToString();
    }

    /// <summary>A domain name that libvirt takes: no slash, no line break or other control character, not empty, of reasonable length.</summary>
    /// <param name="name">Name on the source.</param>
    public static string SafeName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var safe = new string([.. Printable(name).Select(c => c is '/' or '\\' ? '_' : c)]).Trim().TrimStart('.', '-');
        return safe.Length == 0 ? "unnamed" : safe.Length <= MaximumNameLength ? safe : safe[..MaximumNameLength].TrimEnd();
    }

    /// <summary>The identity that the domain gets: the machine's own, or one derived from its name, its adapters and the seed.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="options">Choices, with the seed.</param>
    public static Guid IdentityOf(VirtualMachine machine, LibvirtDomainOptions options)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(options);
        return machine.Uuid is { } uuid && uuid != Guid.Empty
            ? uuid
            : DerivedIdentity.FromParts([machine.Name, .. machine.NetworkAdapters.Select(adapter => adapter.MacAddress ?? ""), options.IdentitySeed ?? ""]);
    }

    private XElement Domain()
    {
        if (_machine.MemoryBytes < 1 << 20 || _machine.VirtualCpus < 1)
        {
            throw LibvirtDiagnostics.Unwritable.ToException($"{_machine.MemoryBytes} bytes of memory and {_machine.VirtualCpus} processors", _machine.Name);
        }

        if (_machine.Disks.Length is 0 or > MaximumDevices)
        {
            throw LibvirtDiagnostics.Unwritable.ToException($"{_machine.Disks.Length} disks; 1 to {MaximumDevices} can be written", _machine.Name);
        }

        return new XElement("domain",
            new XAttribute("type", _options.DomainType == LibvirtDomainType.Kvm ? "kvm" : "qemu"),
            new XElement("name", SafeName(_machine.Name)),
            new XElement("uuid", IdentityOf(_machine, _options).ToString("D")),
            Description(),
            Metadata(),
            new XElement("memory", new XAttribute("unit", "KiB"), Number(_machine.MemoryBytes / 1024)),
            new XElement("currentMemory", new XAttribute("unit", "KiB"), Number(_machine.MemoryBytes / 1024)),
            new XElement("vcpu", new XAttribute("placement", "static"), Number(_machine.VirtualCpus)),
            OperatingSystem(),
            Features(),
            Processor(),
            Clock(),
            new XElement("on_poweroff", "destroy"),
            new XElement("on_reboot", "restart"),
            new XElement("on_crash", "destroy"),
            Devices());
    }

    private XElement? Description()
    {
        // Lines and tabs of a description are harmless; other control characters cannot stand in XML at all.
        var text = _machine.Description is null ? "" : Printable(_machine.Description, keepLines: true).Trim();
        return text.Length == 0 ? null : new XElement("description", text);
    }

    private XElement? Metadata() => _options.OsInfoId is null ? null
        : new XElement("metadata",
            new XElement(s_osinfo + "libosinfo",
                new XAttribute(XNamespace.Xmlns + "libosinfo", s_osinfo.NamespaceName),
                new XElement(s_osinfo + "os", new XAttribute("id", Printable(_options.OsInfoId)))));

    private XElement OperatingSystem() => new("os",
        _machine.Firmware == Firmware.Uefi ? new XAttribute("firmware", "efi") : null,
        new XElement("type", new XAttribute("arch", IsArm ? "aarch64" : "x86_64"), new XAttribute("machine", _options.MachineType switch { LibvirtMachineType.Virt => "virt", LibvirtMachineType.Pc => "pc", _ => "q35" }), "hvm"),
        _options.Windows is not null && _machine.Firmware == Firmware.Uefi && !IsArm ? SecureBoot() : null,
        BootsFromFirstDisk() ? new XElement("boot", new XAttribute("dev", "hd")) : null);

    private bool IsArm => _options.MachineType == LibvirtMachineType.Virt;

    // Left to itself, libvirt takes what the host's list of firmware has first: on some with Secure Boot, under which drivers without Microsoft's signature do not load.
    private XElement SecureBoot()
    {
        var on = _machine.HasSecureBoot == true;
        var feature = (string name) => new XElement("feature", new XAttribute("enabled", on ? "yes" : "no"), new XAttribute("name", name));
        return new XElement("firmware", on ? feature("enrolled-keys") : null, feature("secure-boot"));
    }

    // <boot dev='hd'> is the first disk. When another one boots, the order stands at the disk; libvirt takes one way or the other.
    private bool BootsFromFirstDisk() => BootDisk() == 0;

    private int BootDisk()
    {
        var bootable = _machine.Disks.Select((disk, index) => (disk, index)).Where(item => item.disk.IsBootable).Select(item => item.index);
        return bootable.DefaultIfEmpty(0).First();
    }

    private XElement Processor() => _options.DomainType == LibvirtDomainType.Kvm
        ? IsArm ? new XElement("cpu", new XAttribute("mode", "host-passthrough")) : new XElement("cpu", new XAttribute("mode", "host-model"), new XAttribute("check", "partial"))
        : new XElement("cpu", new XAttribute("mode", "maximum"));

    // The timers that virt-install gives every Linux guest: no HPET, lost ticks made good by the RTC and not by the PIT.
    private XElement Clock() => new("clock", new XAttribute("offset", _options.Windows is { ClockIsUtc: false } ? "localtime" : "utc"),
        IsArm ? null : (XElement[])[new XElement("timer", new XAttribute("name", "rtc"), new XAttribute("tickpolicy", "catchup")),
            new XElement("timer", new XAttribute("name", "pit"), new XAttribute("tickpolicy", "delay")),
            new XElement("timer", new XAttribute("name", "hpet"), new XAttribute("present", "no"))],
        HasHyperV() ? new XElement("timer", new XAttribute("name", "hypervclock"), new XAttribute("present", "yes")) : null);

    private XElement Features() => new("features", new XElement("acpi"), IsArm ? null : new XElement("apic"), HasHyperV() ? HyperV() : null,
        _options.Windows is not null && !IsArm && _machine is { Firmware: Firmware.Uefi, HasSecureBoot: true } ? new XElement("smm", new XAttribute("state", "on")) : null);

    // KVM answers as Hyper-V does, and Windows then needs fewer exits; emulation has no such answers.
    private bool HasHyperV() => _options.Windows is { KnowsHyperV: true } && _options.DomainType == LibvirtDomainType.Kvm && !IsArm;

    private static XElement HyperV()
    {
        var on = (string name) => new XElement(name, new XAttribute("state", "on"));
        return new XElement("hyperv", new XAttribute("mode", "custom"),
            on("relaxed"), on("vapic"), new XElement("spinlocks", new XAttribute("state", "on"), new XAttribute("retries", "8191")), on("vpindex"), on("runtime"), on("synic"), on("stimer"), on("frequencies"));
    }

    private XElement Devices() => new("devices",
        _machine.Disks.Select(Disk),
        _machine.Disks.Any(disk => disk.Bus == "scsi") ? new XElement("controller", new XAttribute("type", "scsi"), new XAttribute("index", "0"), new XAttribute("model", "virtio-scsi")) : null,
        _machine.NetworkAdapters.Select(Interface),
        new XElement("serial", new XAttribute("type", "pty"), new XElement("target", new XAttribute("port", "0"))),
        new XElement("console", new XAttribute("type", "pty"), new XElement("target", new XAttribute("type", "serial"), new XAttribute("port", "0"))),
        HasVirtio() ? new XElement("channel", new XAttribute("type", "unix"),
            new XElement("target", new XAttribute("type", "virtio"), new XAttribute("name", "org.qemu.guest_agent.0"))) : null,
        IsArm ? new XElement("controller", new XAttribute("type", "usb"), new XAttribute("model", "qemu-xhci")) : null,
        _options.Windows is not null ? new XElement("input", new XAttribute("type", "tablet"), new XAttribute("bus", "usb")) : null,
        IsArm ? new XElement("input", new XAttribute("type", "keyboard"), new XAttribute("bus", "usb")) : null,
        _options.Windows is { HasTpm: true } ? new XElement("tpm", new XAttribute("model", IsArm || _machine.Firmware != Firmware.Uefi ? "tpm-tis" : "tpm-crb"), new XElement("backend", new XAttribute("type", "emulator"), new XAttribute("version", "2.0"))) : null,
        new XElement("graphics",
            new XAttribute("type", "vnc"), new XAttribute("port", "-1"), new XAttribute("autoport", "yes"), new XAttribute("listen", "127.0.0.1"),
            new XElement("listen", new XAttribute("type", "address"), new XAttribute("address", "127.0.0.1"))),
        new XElement("video", new XElement("model", new XAttribute("type", IsArm ? "ramfb" : "vga"))),
        new XElement("memballoon", new XAttribute("model", HasVirtio() ? "virtio" : "none")),
        !HasVirtio() ? null : new XElement("rng", new XAttribute("model", "virtio"), new XElement("backend", new XAttribute("model", "random"), "/dev/urandom")));

    private bool HasVirtio() => _options.Windows is not { HasVirtioDrivers: false };

    private XElement Disk(VirtualDisk disk, int index)
    {
        var path = disk.Path ?? throw LibvirtDiagnostics.Unwritable.ToException($"the disk {disk.Id} names no file", _machine.Name);
        var full = _options.DiskDirectory is { } directory ? Path.GetFullPath(path, Path.GetFullPath(directory)) : path;
        if (full.Any(c => !XmlConvert.IsXmlChar(c) && !char.IsSurrogate(c)))
        {
            throw LibvirtDiagnostics.Unwritable.ToException("the path of a disk has control characters, which XML cannot hold", _machine.Name);
        }

        var isBlock = full.StartsWith("/dev/", StringComparison.Ordinal);
        return new XElement("disk",
            new XAttribute("type", isBlock ? "block" : "file"), new XAttribute("device", "disk"),
            new XElement("driver", new XAttribute("name", "qemu"), new XAttribute("type", Printable(disk.Format)), new XAttribute("discard", "unmap")),
            new XElement("source", new XAttribute(isBlock ? "dev" : "file", full)),
            new XElement("target", new XAttribute("dev", XenDeviceName.FromIndex(index, disk.Bus switch { "sata" or "scsi" => "sd", "ide" => "hd", _ => "vd" })), new XAttribute("bus", disk.Bus is "sata" or "scsi" or "ide" ? disk.Bus : "virtio")),
            disk.IsReadOnly ? new XElement("readonly") : null,
            !BootsFromFirstDisk() && BootDisk() == index ? new XElement("boot", new XAttribute("order", "1")) : null);
    }

    private XElement Interface(NetworkAdapter adapter, int index)
    {
        var named = adapter.Network is { Length: > 0 } network ? network : null;
        var target = named is null ? _options.DefaultNetwork : _options.NetworkMap.GetValueOrDefault(named) ?? named;
        var isNetwork = target.StartsWith("network:", StringComparison.Ordinal) || !IsInterfaceName(target);
        var name = Printable(target.StartsWith("network:", StringComparison.Ordinal) ? target[8..] : target);
        return new XElement("interface",
            new XAttribute("type", isNetwork ? "network" : "bridge"),
            new XElement("mac", new XAttribute("address", XenNetworkSpecificationParser.NormalizeMac(adapter.MacAddress ?? "") ?? DerivedMac(index))),
            new XElement("source", new XAttribute(isNetwork ? "network" : "bridge", name)),
            new XElement("model", new XAttribute("type", adapter.Model is "e1000" or "e1000e" or "rtl8139" or "pcnet" ? adapter.Model : "virtio")),
            adapter.PciSlot is { } slot && _options.MachineType == LibvirtMachineType.Pc
                ? new XElement("address", new XAttribute("type", "pci"), new XAttribute("domain", "0x0000"), new XAttribute("bus", "0x00"), new XAttribute("slot", FormattableString.Invariant($"0x{slot:x2}")), new XAttribute("function", "0x0")) : null);
    }

    // Without an address libvirt would invent another one with each definition, and the guest would name its interface anew.
    private string DerivedMac(int index)
    {
        var bytes = DerivedIdentity.FromParts("mac", IdentityOf(_machine, _options).ToString("D"), Number(index)).ToByteArray(bigEndian: true);
        return FormattableString.Invariant($"52:54:00:{bytes[0]:x2}:{bytes[1]:x2}:{bytes[2]:x2}");
    }

    // IFNAMSIZ is 16 with its NUL. XenServer's labels ("Pool-wide network associated with eth0") can only be names of libvirt networks.
    private static bool IsInterfaceName(string name) => name.Length is > 0 and < 16 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':');

    private static string Printable(string text, bool keepLines = false)
    {
        var printable = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            var keep = keepLines && (rune.Value is 10 or 9);
            var refused = rune.Value is 0xFFFE or 0xFFFF || Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029 or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
            printable.Append(keep || !refused ? rune.ToString() : "_");
        }

        return printable.ToString();
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
