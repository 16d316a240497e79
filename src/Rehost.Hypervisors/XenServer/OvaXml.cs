using System.Collections.Immutable;
using System.Globalization;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Hypervisors.XenServer;

/// <summary>
/// Reads the ova.xml at the head of an XVA: one XML-RPC struct with the members version and objects, the latter an array of {class, id, snapshot}
/// (xapi: ocaml/xapi/export.ml). Numbers are strings; references are the export's own ids (Ref:0), OpaqueRef:NULL is none.
/// </summary>
public sealed class OvaXml
{
    private const int MaximumDevices = 512;

    private readonly string _where;
    private readonly XmlRpcValue _root;
    private readonly Dictionary<string, Dictionary<string, XmlRpcValue>> _classes = new(StringComparer.Ordinal);
    private readonly ImmutableArray<Diagnostic>.Builder _findings = ImmutableArray.CreateBuilder<Diagnostic>();

    private OvaXml(XmlRpcValue root, string where)
    {
        _root = root;
        _where = where;
        foreach (var item in root.Items("objects"))
        {
            if (item["snapshot"] is XmlRpcStruct fields)
            {
                var name = item.Text("class").ToUpperInvariant();
                if (!_classes.TryGetValue(name, out var members))
                {
                    _classes[name] = members = new Dictionary<string, XmlRpcValue>(StringComparer.Ordinal);
                }

                members[item.Text("id")] = fields;
            }
        }
    }

    /// <summary>Parses an ova.xml.</summary>
    /// <param name="xml">Its bytes.</param>
    /// <param name="where">Name for messages: guest.xva/ova.xml.</param>
    /// <exception cref="DiagnosticException">Some XSO finding.</exception>
    public static XenServerExport Parse(ReadOnlyMemory<byte> xml, string where) => new OvaXml(XmlRpcReader.Read(xml, where), where).Describe();

    private XenServerExport Describe()
    {
        var (id, machine) = SelectMachine();
        if (machine.Text("power_state") is "Suspended" || IsReference(machine.Text("suspend_VDI")))
        {
            throw XenServerDiagnostics.Suspended.ToException($"'{machine.Text("name_label")}' is suspended", _where);
        }

        var blockDevices = Objects("VBD").Where(item => item.Value.Text("VM") == id).Select(item => item.Value).ToArray();
        var version = _root["version"];
        var mode = ModeOf(machine);
        return new XenServerExport
        {
            Machine = Describe(machine, mode, Disks(blockDevices, mode), Adapters(id, mode)),
            StreamedDisks = StreamedDisks(),
            Product = $"{version?.Text("product_brand")} {version?.Text("product_version")}".Trim(),
            ExportVersion = (int)Number(NonEmpty(version?.Text("export_vsn") ?? "") ?? "0", "export_vsn", 0, 100),
            Findings = _findings.ToImmutable(),
        };
    }

    // An export holds the machine and, when asked for, its snapshots; or one template; or one snapshot. dom0 appears when a disk is plugged into it.
    private (string Id, XmlRpcValue Machine) SelectMachine()
    {
        var machines = Objects("VM").Where(item => !item.Value.Flag("is_control_domain")).Select(item => (item.Key, item.Value)).ToArray();
        if (machines.Length == 0)
        {
            throw XenServerDiagnostics.NoMachine.ToException("no object of class VM", _where);
        }

        Func<XmlRpcValue, bool>[] preferences =
            [vm => !vm.Flag("is_a_snapshot") && !vm.Flag("is_a_template"), vm => !vm.Flag("is_a_snapshot"), _ => true];
        var candidates = preferences.Select(prefers => machines.Where(item => prefers(item.Value)).ToArray()).First(found => found.Length > 0);
        if (candidates.Length > 1)
        {
            throw XenServerDiagnostics.SeveralMachines.ToException(string.Join(", ", candidates.Take(20).Select(item => $"'{item.Value.Text("name_label")}'")), _where);
        }

        var (id, machine) = candidates[0];
        var kind = machine.Flag("is_a_snapshot") ? "snapshot" : machine.Flag("is_a_template") ? "template" : null;
        if (kind is not null)
        {
            _findings.Add(XenServerDiagnostics.NotAMachine.Create($"'{machine.Text("name_label")}' is a {kind}", _where));
        }

        return (id, machine);
    }

    private VirtualMachine Describe(XmlRpcValue vm, VirtualizationMode mode, ImmutableArray<VirtualDisk> disks, ImmutableArray<NetworkAdapter> adapters) => new()
    {
        Name = vm.Text("name_label") is { Length: > 0 } name ? name : "unnamed",
        Description = vm.Text("name_description") is { Length: > 0 } description ? description : null,
        Uuid = Guid.TryParse(vm.Text("uuid"), out var uuid) ? uuid : null,
        Hypervisor = Hypervisor.XenServer,
        Mode = mode,
        Firmware = mode != VirtualizationMode.Hardware ? Firmware.None
            : vm["HVM_boot_params"]?.Text("firmware") == "uefi" ? Firmware.Uefi : Firmware.Bios,
        HasTpm = vm["platform"]?.Text("vtpm") == "true" ? true : null,
        HasSecureBoot = vm["platform"]?.Text("secureboot") == "true" ? true : null,
        MemoryBytes = Number(vm.Text("memory_static_max"), "memory_static_max", 16L << 20, 1L << 46),
        VirtualCpus = (int)Number(vm.Text("VCPUs_at_startup") is { Length: > 0 } cpus ? cpus : vm.Text("VCPUs_max"), "VCPUs_at_startup", 1, 4096),
        ParavirtualBoot = mode == VirtualizationMode.Hardware ? null : BootOf(vm),
        EventActions = EventsOf(vm),
        Disks = disks,
        NetworkAdapters = adapters,
    };

    private static EventActions? EventsOf(XmlRpcValue vm)
    {
        string? Action(string field) => vm.Text(field).ToLowerInvariant().Replace("_and_", "-", StringComparison.Ordinal).Replace('_', '-') is var word && EventActions.Words.Contains(word) ? word : null;
        var events = new EventActions(Action("actions_after_shutdown"), Action("actions_after_reboot"), Action("actions_after_crash"));
        return (events.PowerOff ?? events.Reboot ?? events.Crash) is null ? null : events;
    }

    // helpers.ml boot_method_of_vm: before domain_type existed (7.5), an empty HVM_boot_policy meant paravirtual.
    private static VirtualizationMode ModeOf(XmlRpcValue vm) => vm.Text("domain_type") switch
    {
        "hvm" => VirtualizationMode.Hardware,
        "pv" => VirtualizationMode.Paravirtual,
        "pvh" or "pv_in_pvh" => VirtualizationMode.Pvh,
        _ => vm.Text("HVM_boot_policy").Length == 0 ? VirtualizationMode.Paravirtual : VirtualizationMode.Hardware,
    };

    // With a boot loader, PV_args are added to the arguments it finds; without one, they are the whole command line.
    private static ParavirtualBoot BootOf(XmlRpcValue vm) => new(
        NonEmpty(vm.Text("PV_bootloader")), NonEmpty(vm.Text("PV_kernel")), NonEmpty(vm.Text("PV_ramdisk")), vm.Text("PV_args").Trim());

    private ImmutableArray<VirtualDisk> Disks(XmlRpcValue[] blockDevices, VirtualizationMode mode)
    {
        var disks = blockDevices
            .Where(vbd => vbd.Text("type") is "Disk" or "" && !vbd.Flag("empty") && IsReference(vbd.Text("VDI")) && IsStreamed(vbd.Text("VDI")))
            .Select(vbd => (Position: PositionOf(vbd), Device: vbd))
            .OrderBy(item => item.Position)
            .ThenBy(item => item.Device.Text("uuid"), StringComparer.Ordinal)
            .ToArray();
        if (disks.Length is 0 or > MaximumDevices)
        {
            throw (disks.Length == 0 ? XenServerDiagnostics.NoDisk : XenServerDiagnostics.TooLarge).ToException($"{disks.Length} disks are attached to the machine", _where);
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        return [.. disks.Select(item =>
        {
            var name = DeviceNameOf(item.Device, item.Position, mode);
            var id = item.Device.Text("VDI");
            if (!names.Add(name) || !ids.Add(id))
            {
                throw XenServerDiagnostics.BadField.ToException($"two disks are '{name}' ({id})", _where);
            }

            return new VirtualDisk
            {
                Id = id,
                DeviceName = name,
                LengthBytes = SizeOf(id),
                Format = "xva",
                IsReadOnly = item.Device.Text("mode") == "RO",
                IsBootable = item.Device.Flag("bootable"),
            };
        })];
    }

    // Numbers from 0; in old guests and those made from physical machines also names. xvda1 and xvda2 are then two disks of one position: the digits
    // of the partition decide.
    private static (int Disk, int Partition) PositionOf(XmlRpcValue vbd)
    {
        var named = vbd.Text("userdevice");
        if (int.TryParse(named, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < MaximumDevices)
        {
            return (index, 0);
        }

        return XenDeviceName.Normalize(named) is { } name && XenDeviceName.DiskIndexOf(name) is { } fromName
            ? (fromName, XenDeviceName.PartitionOf(name))
            : throw XenServerDiagnostics.BadField.ToException($"userdevice is '{named}', neither a number below {MaximumDevices} nor a device name", vbd.Text("uuid"));
    }

    // What the guest saw last stands in "device"; an imported machine that never ran has only its position. An HVM guest's "hda" is seen as xvda by
    // the paravirtual driver that every Linux since 2.6.36 prefers.
    private static string DeviceNameOf(XmlRpcValue vbd, (int Disk, int Partition) position, VirtualizationMode mode)
    {
        var recorded = XenDeviceName.Normalize(vbd.Text("device")) ?? XenDeviceName.Normalize(vbd.Text("userdevice"), numbers: false);
        return recorded is not null && !(mode == VirtualizationMode.Hardware && recorded.StartsWith("hd", StringComparison.Ordinal))
            ? recorded
            : XenDeviceName.FromIndex(position.Disk);
    }

    private ImmutableArray<NetworkAdapter> Adapters(string machineId, VirtualizationMode mode)
    {
        var adapters = Objects("VIF").Select(item => item.Value).Where(vif => vif.Text("VM") == machineId)
            .OrderBy(vif => int.TryParse(vif.Text("device"), NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : int.MaxValue)
            .ThenBy(vif => vif.Text("uuid"), StringComparer.Ordinal)
            .ToArray();
        if (adapters.Length > MaximumDevices)
        {
            throw XenServerDiagnostics.TooLarge.ToException($"{adapters.Length} network adapters", _where);
        }

        return [.. adapters.Select(vif =>
        {
            var network = Objects("NETWORK").GetValueOrDefault(vif.Text("network"));
            return new NetworkAdapter
            {
                MacAddress = NonEmpty(vif.Text("MAC")) is not { } mac ? null : XenNetworkSpecificationParser.NormalizeMac(mac)
                    ?? throw XenServerDiagnostics.BadField.ToException($"'{mac}' is no MAC address", _where),
                Network = NonEmpty(network?.Text("bridge") ?? "") ?? NonEmpty(network?.Text("name_label") ?? ""),
                Model = mode == VirtualizationMode.Hardware ? null : "netfront",
            };
        })];
    }

    // importexport.ml: the VDIs behind VBDs that are no CDs and whose SR is not a library of ISO images are streamed.
    private ImmutableSortedDictionary<string, long> StreamedDisks() => Objects("VBD").Values
        .Where(vbd => vbd.Text("type") != "CD" && IsReference(vbd.Text("VDI")) && IsStreamed(vbd.Text("VDI")))
        .Select(vbd => vbd.Text("VDI"))
        .Concat(Objects("VM").Values.Select(vm => vm.Text("suspend_VDI")).Where(id => IsReference(id) && IsStreamed(id)))
        .Distinct(StringComparer.Ordinal)
        .ToImmutableSortedDictionary(id => id, SizeOf, StringComparer.Ordinal);

    private bool IsStreamed(string vdi) => Objects("VDI").TryGetValue(vdi, out var fields)
        && Objects("SR").GetValueOrDefault(fields.Text("SR"))?.Text("content_type") != "iso";

    private long SizeOf(string vdi) => Number(Objects("VDI")[vdi].Text("virtual_size"), $"virtual_size of {vdi}", 0, 1L << 56);

    private Dictionary<string, XmlRpcValue> Objects(string name) => _classes.TryGetValue(name, out var found) ? found : [];

    private long Number(string text, string field, long minimum, long maximum) =>
        long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= minimum && number <= maximum
            ? number
            : throw XenServerDiagnostics.BadField.ToException($"{field} is '{text}', not a number from {minimum} to {maximum}", _where);

    private static bool IsReference(string reference) => reference.Length > 0 && reference is not ("OpaqueRef:NULL" or "Ref:NULL" or "NULL");

    private static string? NonEmpty(string text) => text.Length == 0 ? null : text;
}
