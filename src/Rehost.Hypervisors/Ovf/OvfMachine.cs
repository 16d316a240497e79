using System.Collections.Immutable;
using System.Globalization;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>Brings a virtual system of a descriptor into common words.</summary>
internal sealed class OvfMachine
{
    private const int MaximumItems = 4096;
    private readonly OvfEnvelope _envelope;
    private readonly OvfElement _system;
    private readonly OvfElement? _hardware;
    private readonly ImmutableArray<OvfItem> _items;
    private readonly string _systemType;
    private readonly string _where;
    private readonly ImmutableArray<Diagnostic>.Builder _findings;

    private OvfMachine(OvfEnvelope envelope, OvfElement system, string where, ImmutableArray<Diagnostic>.Builder findings)
    {
        _envelope = envelope;
        _system = system;
        _where = where;
        _findings = findings;

        // A hardware section is whatever holds items; alternatives for other hypervisors may follow, the first is the exporter's own.
        _hardware = system.Children.FirstOrDefault(section => section.Children.Any(IsItem));
        _systemType = _hardware?.First("System")?.TextOf("VirtualSystemType") ?? "";
        _items = Items(_hardware);
    }

    /// <summary>Describes the one machine of a package.</summary>
    /// <param name="envelope">The descriptor.</param>
    /// <param name="where">Name for messages.</param>
    /// <param name="findings">Takes what the operator should know.</param>
    /// <returns>The machine, and the disk section's entry of each of its disks.</returns>
    public static (VirtualMachine Machine, ImmutableArray<OvfDisk> Disks) Describe(OvfEnvelope envelope, string where, ImmutableArray<Diagnostic>.Builder findings)
    {
        var system = envelope.Systems switch
        {
            [] => throw OvfDiagnostics.NoMachine.ToException("no VirtualSystem", where),
            [var one] => one,
            _ => throw OvfDiagnostics.SeveralMachines.ToException(string.Join(", ", envelope.Systems.Take(20).Select(NameOf)), where),
        };
        return new OvfMachine(envelope, system, where, findings).Describe();
    }

    private static string NameOf(OvfElement system) => system.TextOf("Name") ?? system["id"] ?? "unnamed";

    private (VirtualMachine Machine, ImmutableArray<OvfDisk> Disks) Describe()
    {
        var hypervisor = Hypervisor();
        var isParavirtual = hypervisor == Model.Hypervisor.XenServer && _systemType.StartsWith("xen-", StringComparison.OrdinalIgnoreCase);
        var disks = Disks();
        var letters = hypervisor switch
        {
            Model.Hypervisor.XenServer => "xvd",
            Model.Hypervisor.Kvm when disks.FirstOrDefault()?.Interface is "VirtIO" or null => "vd",
            _ => "sd",
        };
        var machine = new VirtualMachine
        {
            Name = NameOf(_system),
            Description = _system.Children.Select(section => section.TextOf("Annotation")).FirstOrDefault(text => text is not null) ?? _system.TextOf("Description"),
            Uuid = Guid.TryParse(VirtualBoxMachine?["uuid"] ?? _system["id"] ?? _system.TextOf("Id"), out var uuid) ? uuid : null,
            Hypervisor = hypervisor,
            Mode = isParavirtual ? VirtualizationMode.Paravirtual : VirtualizationMode.Hardware,
            Firmware = isParavirtual ? Firmware.None : IsUefi() ? Firmware.Uefi : Firmware.Bios,
            HasTpm = HasTpm() ? true : null,
            HasSecureBoot = HasSecureBoot() ? true : null,
            ParavirtualBoot = isParavirtual ? new ParavirtualBoot(Setting("PV_bootloader") ?? "pygrub", Setting("PV_kernel"), Setting("PV_ramdisk"), Setting("PV_args") ?? "") : null,
            MemoryBytes = Memory(),
            VirtualCpus = Cpus(),
            Disks = [.. disks.Select((disk, index) => new VirtualDisk
            {
                Id = disk.Id,
                DeviceName = XenDeviceName.FromIndex(index, letters),
                LengthBytes = disk.Capacity ?? 0,
                Bus = BusOf(disk),
                Format = disk.Format ?? "raw",
                Path = _envelope.Files.FirstOrDefault(file => file.Id == disk.FileReference)?.Href,
                IsBootable = disks.Any(other => other.IsBootable) ? disk.IsBootable : index == 0,
            })],
            NetworkAdapters = Adapters(hypervisor),
        };
        return (machine, disks);
    }

    private OvfElement? VirtualBoxMachine => _system.First("Machine");

    private Hypervisor Hypervisor()
    {
        var type = _systemType.ToUpperInvariant();
        return type.StartsWith("VMX-", StringComparison.Ordinal) || type.Contains("VMWARE", StringComparison.Ordinal) ? Model.Hypervisor.Vmware
            : type.StartsWith("VIRTUALBOX", StringComparison.Ordinal) ? Model.Hypervisor.VirtualBox
            : type.StartsWith("HVM-", StringComparison.Ordinal) || type.StartsWith("XEN-", StringComparison.Ordinal) ? Model.Hypervisor.XenServer
            : type.StartsWith("ENGINE", StringComparison.Ordinal) || type.StartsWith("RHEVM", StringComparison.Ordinal) || type.StartsWith("OVIRT", StringComparison.Ordinal)
                || _envelope.Disks.Any(disk => disk.Interface is not null) ? Model.Hypervisor.Kvm
            : Model.Hypervisor.Unknown;
    }

    // VMware: <vmw:Config vmw:key="firmware" vmw:value="efi"/>; VirtualBox: <Firmware type="EFI"/>; oVirt: BiosType 3 and 4 are OVMF; XenServer: a boot parameter.
    private bool IsUefi()
        => (_hardware?.All("Config") ?? []).Any(config => config["key"] == "firmware" && config["value"] == "efi")
            || VirtualBoxMachine?.First("Hardware")?.First("Firmware")?["type"]?.StartsWith("EFI", StringComparison.Ordinal) == true
            || _system.TextOf("BiosType") is "3" or "4"
            || Setting("HVM_boot_params")?.Contains("firmware=uefi", StringComparison.OrdinalIgnoreCase) == true;

    // VMware: an item of the kind "vmware.vtpm"; VirtualBox: <TrustedPlatformModule type="v2_0"/>; XenServer: its platform's settings.
    private bool HasTpm()
        => _items.Any(item => item.SubType?.Equals("vmware.vtpm", StringComparison.OrdinalIgnoreCase) == true)
            || VirtualBoxMachine?.First("Hardware")?.First("TrustedPlatformModule")?["type"] is { Length: > 0 } and not "None"
            || Setting("platform")?.Contains("vtpm=true", StringComparison.OrdinalIgnoreCase) == true;

    // VirtualBox keeps it in the machine's variables, which an export does not hold.
    private bool HasSecureBoot()
        => (_hardware?.All("Config") ?? []).Any(config => config["key"] == "bootOptions.efiSecureBootEnabled" && config["value"] == "true")
            || _system.TextOf("BiosType") is "4"
            || Setting("platform")?.Contains("secureboot=true", StringComparison.OrdinalIgnoreCase) == true;

    // XenServer: <xenovf:OtherSystemSettingData Name="PV_args"><Value>…</Value>.
    private string? Setting(string name)
        => _hardware?.All("OtherSystemSettingData").FirstOrDefault(setting => setting["Name"] == name)?.TextOf("Value");

    private static bool IsItem(OvfElement element) => element.Name is "Item" or "StorageItem" or "EthernetPortItem";

    private ImmutableArray<OvfItem> Items(OvfElement? hardware)
    {
        var all = (hardware?.Children ?? []).Where(IsItem).Select((element, index) => new OvfItem(element, index)).Where(item => !item.IsBound).ToArray();
        if (all.Length > MaximumItems)
        {
            throw OvfDiagnostics.TooLarge.ToException($"{all.Length} devices", _where);
        }

        // Items of a chosen configuration replace those for all with the same id (DSP0243, 9.8).
        var chosen = all.Where(item => item.Configuration is { } configuration && _envelope.DefaultConfiguration is { } wanted && configuration.Split(' ').Contains(wanted)).ToArray();
        return [.. all.Where(item => item.Configuration is null && !chosen.Any(other => other.InstanceId == item.InstanceId)), .. chosen];
    }

    private long Memory()
    {
        var item = _items.FirstOrDefault(item => item.ResourceType == OvfItem.Memory) ?? throw OvfDiagnostics.BadField.ToException("the machine has no memory", _where);
        var unit = OvfUnits.BytesOf(item.Text("AllocationUnits")) ?? throw OvfDiagnostics.BadField.ToException($"memory is counted in '{item.Text("AllocationUnits")}'", _where);
        var quantity = item.Number("VirtualQuantity") ?? 0;
        return quantity >= 1 && quantity <= (1L << 46) / unit && quantity * unit >= 1 << 20
            ? quantity * unit
            : throw OvfDiagnostics.BadField.ToException($"the machine has {item.Text("VirtualQuantity")} x {unit} bytes of memory", _where);
    }

    private int Cpus()
    {
        var item = _items.FirstOrDefault(item => item.ResourceType == OvfItem.Cpu);
        var count = item?.Number("VirtualQuantity") ?? (item?.Number("num_of_sockets") is >= 1 and <= 4096 and var sockets ? sockets * Math.Clamp(item.Number("cpu_per_socket") ?? 1, 1, 4096) : 1);
        return count is >= 1 and <= 4096 ? (int)count : throw OvfDiagnostics.BadField.ToException($"the machine has {item?.Text("VirtualQuantity")} processors", _where);
    }

    /// <summary>
    /// The disks in the order in which a guest finds them: controllers as the description has them (those of one kind by address), then by address on the controller.
    /// </summary>
    private ImmutableArray<OvfDisk> Disks()
    {
        var controllers = _items.Where(item => item.ResourceType is OvfItem.IdeController or OvfItem.ScsiController or OvfItem.StorageController && item.InstanceId is not null).ToArray();
        var drives = _items.Where(item => item.ResourceType is not (OvfItem.Floppy or OvfItem.Cd or OvfItem.Dvd)).Select(item => (Item: item, Disk: FindDisk(item))).ToArray();
        foreach (var (item, _) in drives.Where(drive => drive.Disk is null && drive.Item.ResourceType is OvfItem.Disk or OvfItem.StorageExtent))
        {
            _findings.Add(OvfDiagnostics.Unattached.Create($"the drive '{item.Label}' has no disk in the package ({string.Join(", ", item.HostResources.DefaultIfEmpty("nothing"))})", _where));
        }

        var attached = drives.Where(drive => drive.Disk is not null)
            .OrderBy(drive => PlaceOf(drive.Item)).ThenBy(drive => drive.Item.Index)
            .Select(drive => drive.Disk).OfType<OvfDisk>().ToImmutableArray();
        if (attached.GroupBy(disk => disk.Id).FirstOrDefault(group => group.Skip(1).Any()) is { } shared)
        {
            throw OvfDiagnostics.BadReference.ToException($"two drives have the disk '{shared.Key}'", _where);
        }

        if (attached.IsEmpty && !_envelope.Disks.IsEmpty)
        {
            _findings.Add(OvfDiagnostics.Understood.Create("no drive names a disk: the disks are taken in the order of their section", _where));
            return _envelope.Disks;
        }

        foreach (var disk in _envelope.Disks.Except(attached))
        {
            _findings.Add(OvfDiagnostics.Unattached.Create($"the disk '{disk.Id}' belongs to no drive of the machine", _where));
        }

        return attached.IsEmpty ? throw OvfDiagnostics.NoDisk.ToException("the descriptor has no disks", _where) : attached;

        (int Kind, long Controller, long Address) PlaceOf(OvfItem drive)
        {
            var controller = controllers.FirstOrDefault(candidate => candidate.InstanceId == drive.Parent);
            var kind = controller is null ? int.MaxValue : controllers.First(candidate => candidate.ResourceType == controller.ResourceType && candidate.SubType == controller.SubType).Index;
            return (kind, controller?.Number("Address") ?? controller?.Index ?? 0, drive.Number("AddressOnParent") ?? ConnectedAt(drive) ?? drive.Number("Address") ?? drive.Index);
        }
    }

    // The controller by what it is called elsewhere: "VirtualSCSI" is VMware's paravirtual one. Others, oVirt's and XenServer's among them, are their hypervisor's own.
    private string? BusOf(OvfDisk disk)
    {
        var drive = _items.FirstOrDefault(item => item.ResourceType is not (OvfItem.Floppy or OvfItem.Cd or OvfItem.Dvd) && FindDisk(item) == disk);
        var controller = drive?.Parent is { } parent ? _items.FirstOrDefault(item => item.InstanceId == parent) : null;
        return (controller?.ResourceType, controller?.SubType?.ToUpperInvariant()) switch
        {
            (OvfItem.IdeController, _) => "ide",
            (OvfItem.ScsiController, "VIRTUALSCSI" or "PVSCSI") => "pvscsi",
            (OvfItem.ScsiController, "LSILOGICSAS") => "lsisas1068",
            (OvfItem.ScsiController, "LSILOGIC") => "lsilogic",
            (OvfItem.ScsiController, "BUSLOGIC") => "buslogic",
            (OvfItem.StorageController, "AHCI" or "VMWARE.SATA.AHCI") => "sata",
            (OvfItem.StorageController, "VMWARE.NVME.CONTROLLER") => "nvme",
            _ => null,
        };
    }

    // XenServer puts what a VBD has into one text: device=0,bootable=true,mode=w.
    private static long? ConnectedAt(OvfItem drive)
    {
        var device = drive.Text("Connection")?.Split(',').Select(part => part.Trim()).FirstOrDefault(part => part.StartsWith("device=", StringComparison.OrdinalIgnoreCase))?["device=".Length..];
        return device is null ? null
            : long.TryParse(device, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : XenDeviceName.Normalize(device, numbers: false) is { } name ? XenDeviceName.DiskIndexOf(name) : null;
    }

    // ovf:/disk/vmdisk1, /disk/vmdisk1, ovf:/file/file1, ovf://disk/x; oVirt: group/volume; XenServer: the item has the disk's own id.
    private OvfDisk? FindDisk(OvfItem item)
    {
        foreach (var resource in item.HostResources)
        {
            var path = (resource.StartsWith("ovf:", StringComparison.OrdinalIgnoreCase) ? resource[4..] : resource).TrimStart('/');
            var found = path.StartsWith("disk/", StringComparison.Ordinal) ? _envelope.Disks.FirstOrDefault(disk => disk.Id == path[5..])
                : path.StartsWith("file/", StringComparison.Ordinal) ? _envelope.Disks.FirstOrDefault(disk => disk.FileReference == path[5..])
                : _envelope.Disks.FirstOrDefault(disk => disk.Id == path || disk.FileReference == path || disk.Id == path[(path.LastIndexOf('/') + 1)..]);
            if (found is not null)
            {
                return found;
            }
        }

        return item.ResourceType is OvfItem.Disk or OvfItem.StorageExtent && item.InstanceId is { } id ? _envelope.Disks.FirstOrDefault(disk => disk.Id == id) : null;
    }

    private ImmutableArray<NetworkAdapter> Adapters(Hypervisor hypervisor)
    {
        // VirtualBox keeps addresses in its own description of the machine only.
        var own = VirtualBoxMachine?.First("Hardware")?.First("Network")?.All("Adapter").Where(adapter => adapter["enabled"] == "true")
            .OrderBy(adapter => int.TryParse(adapter["slot"], NumberStyles.None, CultureInfo.InvariantCulture, out var slot) ? slot : int.MaxValue).ToArray() ?? [];
        return [.. _items.Where(item => item.ResourceType == OvfItem.Ethernet)
            .OrderBy(item => item.Number("AddressOnParent") ?? item.Index).ThenBy(item => item.Index)
            .Select((item, index) => new NetworkAdapter
            {
                MacAddress = MacOf(item.Text("MACAddress") ?? item.Text("Address")) ?? MacOf(own.ElementAtOrDefault(index)?["MACAddress"]),
                Network = item.Text("Connection"),
                Model = ModelOf(item.SubType, hypervisor),
            })];
    }

    private static string? MacOf(string? text)
    {
        var digits = text?.Replace(":", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
        return digits is { Length: 12 } && digits.All(char.IsAsciiHexDigit) ? string.Join(':', digits.Chunk(2).Select(pair => new string(pair))) : null;
    }

    // oVirt numbers its models.
    private static string? ModelOf(string? subType, Hypervisor hypervisor)
        => hypervisor == Model.Hypervisor.Kvm && subType is "1" or "2" or "3" or "4"
            ? subType switch { "1" => "rtl8139", "2" => "e1000", _ => "virtio" }
            : subType?.ToLowerInvariant();
}
