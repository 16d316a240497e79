using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Hypervisors.Vmware;

/// <summary>A machine as it lies on a datastore or in a folder of Workstation: a .vmx file and its .vmdk files.</summary>
public sealed partial class VmxSource
{
    private const int MaximumDevices = 256;

    // How a guest's Linux finds them when their drivers are loaded in the order of the bus; the one that boots comes first in practice.
    private static readonly string[] Buses = ["scsi", "sata", "ide", "nvme"];

    private readonly VmxFile _file;
    private readonly IImageDirectory _directory;
    private readonly string _where;
    private readonly ImmutableArray<VirtualDisk> _disks;
    private readonly ImmutableArray<Diagnostic>.Builder _findings = ImmutableArray.CreateBuilder<Diagnostic>();
    private readonly HashSet<string> _opened = new(StringComparer.Ordinal);

    private VmxSource(VmxFile file, IImageDirectory directory, string where)
    {
        _file = file;
        _directory = directory;
        _where = where;
        if (file["checkpoint.vmState"] is { } state && !state.EndsWith(".vmsn", StringComparison.OrdinalIgnoreCase))
        {
            throw VmxDiagnostics.Suspended.ToException($"its state was saved to '{state}'", where);
        }

        _disks = FindDisks();
        Machine = Describe();
    }

    /// <summary>The machine; sizes of its disks are known once they are opened.</summary>
    public VirtualMachine Machine { get; private set; }

    /// <summary>What the operator should know.</summary>
    public ImmutableArray<Diagnostic> Findings => _findings.ToImmutable();

    /// <summary>The files of the disks that were opened.</summary>
    public IReadOnlyCollection<string> HostFiles => _opened;

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">The .vmx file.</param>
    /// <param name="allowedPaths">Further directories, or single files, that references may lead to.</param>
    /// <exception cref="DiagnosticException">It is no configuration, or of a machine that cannot be converted (VMX…).</exception>
    public static VmxSource Open(string path, IEnumerable<string>? allowedPaths = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        var directory = HostImageDirectory.Of(path, allowedPaths);
        using var device = directory.Open(Path.GetFileName(path)).File;
        var bytes = new byte[Math.Min(device.Length, VmxFile.MaximumLength + 1)];
        device.Read(GuestOffset.Zero, bytes);
        return new VmxSource(VmxFile.Parse(bytes, path), directory, path);
    }

    /// <summary>Opens the disks, in the machine's order.</summary>
    /// <returns>The disks; owned by the caller.</returns>
    /// <exception cref="DiagnosticException">A file is missing, lies elsewhere or is damaged.</exception>
    public ImmutableArray<IBlockDevice> OpenDisks()
    {
        var opened = new List<IBlockDevice>();
        try
        {
            foreach (var disk in _disks)
            {
                opened.Add(OpenDisk(disk.Path ?? ""));
            }

            Machine = Machine with { Disks = [.. _disks.Select((disk, index) => disk with { LengthBytes = opened[index].Length })] };
            return [.. opened];
        }
        catch
        {
            opened.ForEach(disk => disk.Dispose());
            throw;
        }
    }

    private IBlockDevice OpenDisk(string named)
    {
        var reference = named.Replace('\\', '/');
        if (!_directory.Exists(reference) && reference.LastIndexOf('/') is var slash and >= 0 && _directory.Exists(reference[(slash + 1)..]))
        {
            reference = reference[(slash + 1)..];
            _findings.Add(VmxDiagnostics.DiskMoved.Create($"'{named}' is taken from '{reference}'", _where));
        }

        var file = _directory.Open(reference);
        _opened.Add(file.Name);
        IDiskFormat format;
        try
        {
            format = KnownDiskFormats.ByName("vmdk");
        }
        catch
        {
            file.File.Dispose();
            throw;
        }

        return KnownDiskFormats.OpenNamed(file, format, new DiskOpenRequest(file.File, file.Name) { Report = _findings.Add });
    }

    private VirtualMachine Describe() => new()
    {
        Name = _file["displayName"] ?? Path.GetFileNameWithoutExtension(_where),
        Description = _file["annotation"],
        Uuid = UuidOf(_file["uuid.bios"]),
        Hypervisor = Hypervisor.Vmware,
        Mode = VirtualizationMode.Hardware,
        Firmware = string.Equals(_file["firmware"], "efi", StringComparison.OrdinalIgnoreCase) ? Firmware.Uefi : Firmware.Bios,
        HasTpm = IsTrue("vtpm.present") || _file["managedVM.autoAddVTPM"] is { Length: > 0 } ? true : null,
        HasSecureBoot = IsTrue("uefi.secureBoot.enabled") ? true : null,
        MemoryBytes = Number("memSize", 32, 1, 64 << 20) << 20,
        VirtualCpus = (int)Number("numvcpus", 1, 1, 4096),
        Disks = _disks,
        NetworkAdapters = [.. Devices(Ethernet()).Select(device => new NetworkAdapter
        {
            MacAddress = MacOf(_file[$"{device.Key}.address"]) ?? MacOf(_file[$"{device.Key}.generatedAddress"]),
            Network = _file[$"{device.Key}.networkName"] ?? _file[$"{device.Key}.vnet"] ?? _file[$"{device.Key}.connectionType"],
            Model = _file[$"{device.Key}.virtualDev"]?.ToLowerInvariant() ?? "vlance",
            PciSlot = int.TryParse(_file[$"{device.Key}.pciSlotNumber"], NumberStyles.None, CultureInfo.InvariantCulture, out var slot) ? slot : null,
        })],
    };

    private bool IsTrue(string key) => string.Equals(_file[key], "TRUE", StringComparison.OrdinalIgnoreCase);

    private ImmutableArray<VirtualDisk> FindDisks()
    {
        var found = Devices(Drive()).Where(device => IsDisk(device.Key)).ToArray();
        return found.Length == 0
            ? throw VmxDiagnostics.NoDisk.ToException("no device of the kinds scsi0:0, sata0:0, ide0:0 and nvme0:0 has a .vmdk", _where)
            : [.. found.Select((device, index) => new VirtualDisk
            {
                Id = device.Key,
                DeviceName = device.Key.StartsWith("nvme", StringComparison.Ordinal)
                    ? string.Create(CultureInfo.InvariantCulture, $"nvme{found.Take(index).Count(other => other.Key.StartsWith("nvme", StringComparison.Ordinal))}n1")
                    : XenDeviceName.FromIndex(index, "sd"),
                Format = "vmdk",
                Path = _file[$"{device.Key}.fileName"],
                IsBootable = index == 0,
            })];
    }

    private bool IsDisk(string key)
        => _file[$"{key}.fileName"] is { } file && !(_file[$"{key}.deviceType"] ?? "").Contains("cdrom", StringComparison.OrdinalIgnoreCase)
            && (file.EndsWith(".vmdk", StringComparison.OrdinalIgnoreCase) || (_file[$"{key}.deviceType"] ?? "").Contains("disk", StringComparison.OrdinalIgnoreCase));

    private (string Key, int Bus, int Unit)[] Devices(Regex name)
    {
        var devices = _file.Keys.Select(key => name.Match(key)).Where(match => match.Success)
            .Select(match => (Key: match.Groups["key"].Value, Bus: Array.IndexOf(Buses, match.Groups["bus"].Value), Controller: Index(match.Groups["controller"]), Unit: Index(match.Groups["unit"])))
            .Where(device => _file.Flag($"{device.Key}.present"))
            .OrderBy(device => device.Bus).ThenBy(device => device.Controller).ThenBy(device => device.Unit)
            .Select(device => (device.Key, device.Bus, device.Unit)).ToArray();
        return devices.Length <= MaximumDevices ? devices : throw VmxDiagnostics.BadFile.ToException($"it has {devices.Length} devices of one kind", _where);

        static int Index(Group group) => group.Success ? int.Parse(group.ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    private long Number(string key, long missing, long least, long most)
        => _file[key] is not { } text ? missing
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
            : throw VmxDiagnostics.BadField.ToException($"{key} is '{text}', not a number from {least} to {most}", _where);

    private static string? MacOf(string? text) => text is null ? null : XenNetworkSpecificationParser.NormalizeMac(text);

    // uuid.bios = "56 4d 1a 2b 3c 4d 5e 6f-70 81 92 a3 b4 c5 d6 e7"
    private static Guid? UuidOf(string? text)
        => text?.Replace(" ", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal) is { Length: 32 } digits && Guid.TryParseExact(digits, "N", out var uuid) ? uuid : null;

    [GeneratedRegex("^(?<key>(?<bus>scsi|sata|ide|nvme)(?<controller>[0-9]{1,2}):(?<unit>[0-9]{1,3}))\\.present$", RegexOptions.CultureInvariant)]
    private static partial Regex Drive();

    [GeneratedRegex("^(?<key>ethernet(?<unit>[0-9]{1,2}))\\.present$", RegexOptions.CultureInvariant)]
    private static partial Regex Ethernet();
}
