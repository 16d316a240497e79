using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>
/// Builds QEMU's arguments for a boot proof: the machine of the domain description, on throw-away overlays, without a network and with as little of the host
/// as can be. The result image is opened read-only below the overlay (snapshot=on) and never modified.
/// </summary>
public static class QemuCommandLine
{
    /// <summary>Name of the buffer with the firmware's messages.</summary>
    internal const string FirmwareBuffer = "firmware0";

    private const long SmallestMemory = 64L << 20;

    /// <summary>The directories and files of one run.</summary>
    /// <param name="QmpSocket">Socket of QEMU's control protocol.</param>
    /// <param name="FirmwareCode">UEFI firmware, or null for the BIOS.</param>
    /// <param name="FirmwareVariables">A private copy of the UEFI variables, or null.</param>
    public sealed record Paths(string QmpSocket, string? FirmwareCode = null, string? FirmwareVariables = null);

    /// <summary>Builds the arguments.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="options">Choices.</param>
    /// <param name="paths">Files of this run.</param>
    /// <param name="kvm">Whether KVM works.</param>
    /// <param name="sandbox">Whether QEMU has a seccomp sandbox.</param>
    public static ImmutableArray<string> Build(VirtualMachine machine, BootProofOptions options, Paths paths, bool kvm, bool sandbox)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(paths);
        var memory = MemoryOf(machine, options) >> 20;
        var arguments = ImmutableArray.CreateBuilder<string>();
        arguments.AddRange(
            "-name", "guest=rehost-boot-proof",
            "-nodefaults", "-no-user-config",

            // No network of any kind: what adapters the guest has lead nowhere.
            "-nic", "none",

            // A guest that restarts or turns itself off is stopped, and stays for its picture to be taken.
            "-no-reboot", "-no-shutdown",
            "-machine", options.IsQ35 ? "q35" : "pc",
            "-accel", kvm ? "kvm" : "tcg,thread=multi",
            "-cpu", options.ProcessorModel ?? "max",
            "-m", string.Create(CultureInfo.InvariantCulture, $"{memory}M"),
            "-smp", string.Create(CultureInfo.InvariantCulture, $"{CpusOf(machine, options)}"),
            "-rtc", "base=utc",
            "-display", "none",
            "-vga", "std",
            "-chardev", "stdio,id=serial0,signal=off",
            "-serial", "chardev:serial0",

            // SeaBIOS tells of its work on port 0x402. A ring buffer, because a guest could write there without end.
            "-chardev", $"ringbuf,id={FirmwareBuffer},size=65536",
            "-device", $"isa-debugcon,iobase=0x402,chardev={FirmwareBuffer}",
            "-chardev", $"socket,id=qmp0,path={Escape(paths.QmpSocket)},server=on,wait=off",
            "-mon", "chardev=qmp0,mode=control");
        if (sandbox)
        {
            arguments.AddRange("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
        }

        if (paths.FirmwareCode is { } code && paths.FirmwareVariables is { } variables)
        {
            arguments.AddRange(
                "-drive", $"if=pflash,unit=0,format=raw,readonly=on,file.locking=off,file={Escape(code)}",
                "-drive", $"if=pflash,unit=1,format=raw,file={Escape(variables)}");
        }

        var ports = new PciPorts(options.IsQ35, arguments);
        AddAdapters(machine, ports, arguments);
        AddDisks(machine, options, ports, arguments);
        arguments.AddRange("-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", $"virtio-rng-pci,rng=rng0{ports.Next()}");
        return arguments.ToImmutable();
    }

    /// <summary>What the machine wants, within what the operator allows.</summary>
    internal static long MemoryOf(VirtualMachine machine, BootProofOptions options) => Math.Clamp(machine.MemoryBytes, SmallestMemory, Math.Max(SmallestMemory, options.MaximumMemoryBytes));

    /// <summary>As <see cref="MemoryOf"/>, for processors.</summary>
    internal static int CpusOf(VirtualMachine machine, BootProofOptions options) => Math.Clamp(machine.VirtualCpus, 1, Math.Max(1, options.MaximumVirtualCpus));

    /// <summary>A value inside a QEMU option: a comma is written twice.</summary>
    internal static string Escape(string value) => value.Replace(",", ",,", StringComparison.Ordinal);

    // An adapter with no back end: the guest sees the card and its address, the host gives it no cable.
    private static void AddAdapters(VirtualMachine machine, PciPorts ports, ImmutableArray<string>.Builder arguments)
    {
        foreach (var adapter in machine.NetworkAdapters.Take(PciPorts.MostAdapters))
        {
            var mac = adapter.MacAddress is { } address && address.All(c => char.IsAsciiHexDigit(c) || c == ':') ? ",mac=" + address : "";
            var model = adapter.Model switch { "e1000" or "rtl8139" or "vmxnet3" or "pcnet" => adapter.Model, "vlance" or "pcnet32" => "pcnet", _ => null };
            arguments.AddRange("-device", model is not null ? $"{model}{mac},romfile=" : $"virtio-net-pci{mac},romfile={ports.Next()}");
        }
    }

    private static void AddDisks(VirtualMachine machine, BootProofOptions options, PciPorts ports, ImmutableArray<string>.Builder arguments)
    {
        var boot = Math.Max(0, machine.Disks.IndexOf(machine.Disks.FirstOrDefault(disk => disk.IsBootable) ?? machine.Disks[0]));
        if (!options.IsQ35 && machine.Disks.Any(disk => disk.Bus == "sata"))
        {
            arguments.AddRange("-device", "ich9-ahci,id=ahci0");
        }

        foreach (var controller in machine.Disks.Select(disk => ScsiController(disk, machine.Name)).OfType<string>().Distinct())
        {
            arguments.AddRange("-device", $"{controller},id={controller}-0");
        }

        for (var index = 0; index < machine.Disks.Length; index++)
        {
            var disk = machine.Disks[index];
            var path = PathOf(machine, options, index);
            var id = string.Create(CultureInfo.InvariantCulture, $"disk{index}");
            var format = disk.Format is "raw" or "qcow2" or "vmdk" ? disk.Format : throw QemuDiagnostics.DiskUnreadable.ToException($"format '{disk.Format}' is not booted; raw, qcow2 and vmdk are", path);
            var access = disk.IsReadOnly ? "read-only=on" : "snapshot=on";
            var part = index < options.DiskParts.Length ? options.DiskParts[index] : null;
            arguments.AddRange(
                "-drive", part is null && format != "vmdk" ? $"if=none,id={id},format={format},{access},file.locking=off,file={Escape(path)}" : $"if=none,id={id},{access},file={Escape(Stacked(path, format, part))}",
                "-device", $"{Device(disk, index, options)},drive={id}{(index == boot ? ",bootindex=1" : "")}{(IsEmulated(disk) ? "" : ports.Next())}");
        }
    }

    // A member of an archive, or a format that might name another file as its parent: written out layer by layer, so that QEMU looks for nothing else.
    private static string Stacked(string path, string format, DiskFilePart? part)
    {
        var bytes = new JsonObject { ["driver"] = "file", ["filename"] = path, ["locking"] = "off" };
        var file = part is null ? bytes : new JsonObject { ["driver"] = "raw", ["offset"] = part.Offset, ["size"] = part.Length, ["file"] = bytes };
        var image = new JsonObject { ["driver"] = format, ["file"] = file };
        if (format != "raw")
        {
            image["backing"] = null;
        }

        return "json:" + image.ToJsonString();
    }

    private static bool IsEmulated(VirtualDisk disk) => disk.Bus is "sata" or "ide" or "pvscsi" or "lsisas1068";

    // VMware's parallel LSI Logic (53C1030) and BusLogic are not among QEMU's devices.
    private static string? ScsiController(VirtualDisk disk, string machine) => disk.Bus switch
    {
        "pvscsi" => "pvscsi",
        "lsisas1068" => "mptsas1068",
        null or "virtio" or "sata" or "ide" or "scsi" => null,
        _ => throw QemuDiagnostics.NoSuchDevice.ToException($"the disk {disk.Id} is on a controller '{disk.Bus}'", machine),
    };

    // q35 has six ports of AHCI, pc two channels of IDE with two places each; AHCI is a device of its own there.
    private static string Device(VirtualDisk disk, int index, BootProofOptions options) => disk.Bus switch
    {
        "sata" => string.Create(CultureInfo.InvariantCulture, $"ide-hd,bus={(options.IsQ35 ? "ide" : "ahci0")}.{index}"),
        "ide" => string.Create(CultureInfo.InvariantCulture, $"ide-hd,bus=ide.{index / 2},unit={index % 2}"),
        "pvscsi" or "lsisas1068" => string.Create(CultureInfo.InvariantCulture, $"scsi-hd,bus={ScsiController(disk, disk.Id)}-0.0,scsi-id={index}"),
        _ => "virtio-blk-pci",
    };

    /// <summary>The file of a disk. Always a full path: QEMU takes what has a colon before its first slash for the name of a protocol (nbd:, http:, json:).</summary>
    internal static string PathOf(VirtualMachine machine, BootProofOptions options, int index) =>
        (index < options.DiskPaths.Length ? options.DiskPaths[index] : machine.Disks[index].Path) is { Length: > 0 } path && !path.Contains('\0', StringComparison.Ordinal)
            ? Path.GetFullPath(path)
            : throw QemuDiagnostics.DiskUnreadable.ToException($"the disk {machine.Disks[index].Id} names no file", machine.Name);

    /// <summary>
    /// On q35 each device sits behind a root port, as libvirt puts it: there virtio speaks 1.0 only, and a guest too old for that must fail here too, not
    /// first at the customer's.
    /// </summary>
    private sealed class PciPorts(bool isExpress, ImmutableArray<string>.Builder arguments)
    {
        public const int MostAdapters = 16;
        private int _count;

        public string Next()
        {
            if (!isExpress)
            {
                return "";
            }

            var number = _count++;
            var port = string.Create(CultureInfo.InvariantCulture, $"port{number}");

            // Eight functions per slot, from slot 2 on as libvirt numbers them.
            arguments.AddRange("-device", string.Create(CultureInfo.InvariantCulture,
                $"pcie-root-port,id={port},bus=pcie.0,chassis={number + 1},addr=0x{2 + (number / 8):x}.{number % 8}{(number % 8 == 0 ? ",multifunction=on" : "")}"));
            return ",bus=" + port;
        }
    }
}
