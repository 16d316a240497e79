using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>
/// Writes the configuration of a guest as <c>xl create</c> takes it (xl.cfg(5), xl-disk-configuration(5), xl-network-configuration(5)). Same machine, same
/// bytes. Keys that xl does not know it drops without a word, so only keys of Xen 4.1 to 4.20 are written.
/// </summary>
public static class XenConfigWriter
{
    private const int MaximumBridgeLength = 15; // IFNAMSIZ without the final zero

    /// <summary>Writes a machine.</summary>
    /// <param name="machine">The machine as it shall be on the target; its disks name their files in <see cref="VirtualDisk.Path"/>, its boot those that dom0 hands out.</param>
    /// <param name="directory">Directory of these files on the host; full path.</param>
    /// <param name="options">Choices; null for xl.</param>
    /// <returns>The text, ending in a newline.</returns>
    /// <exception cref="DiagnosticException">The machine has no memory, no processor, or a disk without a file (XEN014).</exception>
    public static string Write(VirtualMachine machine, string directory, XenConfigOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(directory);
        options ??= new XenConfigOptions();
        var memory = machine.MemoryBytes >> 20;
        if (memory < 1 || machine.VirtualCpus < 1 || machine.Disks.Any(disk => disk.Path is null))
        {
            throw XenDiagnostics.Unwritable.ToException($"{machine.MemoryBytes} bytes of memory, {machine.VirtualCpus} processors, {machine.Disks.Count(disk => disk.Path is null)} disks without a file", machine.Name);
        }

        if (options.IsXm && (machine.Mode == VirtualizationMode.Pvh || machine.Firmware == Firmware.Uefi))
        {
            throw XenDiagnostics.Unwritable.ToException($"xm knows no {(machine.Mode == VirtualizationMode.Pvh ? "PVH" : "UEFI")}", machine.Name);
        }

        var text = new StringBuilder();
        text.Append(options.IsXm ? "# A guest for xm, written by rehost. Start it with: xm create -c FILE\n" : "# A guest for xl, written by rehost. Start it with: xl create -c FILE\n");
        Set(text, "name", Quote(machine.Name));
        if (machine.Uuid is { } uuid)
        {
            Set(text, "uuid", Quote(uuid.ToString("D")));
        }

        var isHardware = machine.Mode is not (VirtualizationMode.Paravirtual or VirtualizationMode.Pvh);
        if (!options.IsXm)
        {
            Set(text, "type", isHardware ? "\"hvm\"" : machine.Mode == VirtualizationMode.Pvh ? "\"pvh\"" : "\"pv\"");
        }
        else if (isHardware)
        {
            Set(text, "builder", "\"hvm\"");
        }

        Set(text, "memory", memory.ToString(CultureInfo.InvariantCulture));
        Set(text, "maxmem", memory.ToString(CultureInfo.InvariantCulture));
        Set(text, "vcpus", machine.VirtualCpus.ToString(CultureInfo.InvariantCulture));
        WriteBoot(text, machine, directory, options);
        SetList(text, "disk", machine.Disks.Select(disk => DiskOf(disk, machine, directory, options)));
        SetList(text, "vif", machine.NetworkAdapters.Select(adapter => AdapterOf(adapter, isHardware)));
        if (isHardware)
        {
            Set(text, "serial", "\"pty\"");
            if (options.KnowsHyperV)
            {
                Set(text, "viridian", "1");
            }

            if (options.ClockIsLocal)
            {
                Set(text, "localtime", "1");
                Set(text, "usb", "1");
                Set(text, "usbdevice", "\"tablet\"");
            }
        }
        else if (options.HasFrameBuffer && machine.Mode == VirtualizationMode.Paravirtual)
        {
            SetList(text, "vfb", ["type=vnc,vnclisten=127.0.0.1,vncunused=1"]);
        }

        Set(text, "on_poweroff", Quote(machine.EventActions?.PowerOff ?? "destroy"));
        Set(text, "on_reboot", Quote(machine.EventActions?.Reboot ?? "restart"));
        Set(text, "on_crash", Quote(machine.EventActions?.Crash ?? "restart"));
        return text.ToString();
    }

    private static void WriteBoot(StringBuilder text, VirtualMachine machine, string directory, XenConfigOptions options)
    {
        if (machine.ParavirtualBoot is not { } boot)
        {
            if (!options.IsXm)
            {
                Set(text, "firmware", machine.Firmware == Firmware.Uefi ? "\"ovmf\"" : "\"seabios\"");
            }

            Set(text, "boot", "\"c\"");
            Set(text, "vnc", "1");
            Set(text, "vnclisten", "\"127.0.0.1\"");
            return;
        }

        // pvgrub is the domain's kernel, and no program of dom0's.
        var bootloader = boot.Bootloader == "pvgrub" ? null : options.IsXm && boot.Bootloader == "pygrub" ? "/usr/bin/pygrub" : boot.Bootloader;
        foreach (var (key, value) in new[] { ("bootloader", bootloader), ("kernel", InDirectory(directory, boot.Kernel)), ("ramdisk", InDirectory(directory, boot.Ramdisk)) })
        {
            if (!string.IsNullOrEmpty(value))
            {
                Set(text, key, Quote(value));
            }
        }

        // xm puts root and extra together, and knows no cmdline.
        var arguments = boot.CommandLine.Split(' ', 2);
        if (options.IsXm && arguments[0].StartsWith("root=", StringComparison.Ordinal))
        {
            Set(text, "root", Quote(arguments[0]["root=".Length..]));
            SetIf(text, "extra", arguments.Length > 1 ? arguments[1] : "");
        }
        else
        {
            SetIf(text, options.IsXm ? "extra" : "cmdline", boot.CommandLine);
        }
    }

    private static string? InDirectory(string directory, string? file) => string.IsNullOrEmpty(file) ? file : Path.Combine(directory, file);

    private static string DiskOf(VirtualDisk disk, VirtualMachine machine, string directory, XenConfigOptions options)
    {
        var path = Path.Combine(directory, disk.Path ?? "");

        // What a guest without Xen's front ends sees as sda is an IDE disk of the emulated machine; "sda" would be SCSI.
        var device = machine.Mode == VirtualizationMode.Hardware && disk.DeviceName.StartsWith("sd", StringComparison.Ordinal) ? "hd" + disk.DeviceName[2..] : disk.DeviceName;
        if (!options.IsXm)
        {
            // The path comes last: only there may it hold commas (xl-disk-configuration(5), "target").
            return $"format={disk.Format}, vdev={device}, access={(disk.IsReadOnly ? "ro" : "rw")}, target={path}";
        }

        return !path.Contains(',', StringComparison.Ordinal)
            ? $"{(path.StartsWith("/dev/", StringComparison.Ordinal) ? "phy:" : disk.Format == "raw" ? "tap:aio:" : $"tap:{disk.Format}:")}{path},{device},{(disk.IsReadOnly ? "r" : "w")}"
            : throw XenDiagnostics.Unwritable.ToException($"the path '{path}' has a comma, which ends a path in the syntax of xm", machine.Name);
    }

    private static string AdapterOf(NetworkAdapter adapter, bool isHardware)
    {
        var parts = new List<string>();
        // Readers let nothing else pass; a comma here would begin another setting, and script= is a program that dom0 runs as root.
        if (adapter.MacAddress is { } given && XenNetworkSpecificationParser.NormalizeMac(given) is { } mac)
        {
            parts.Add($"mac={mac}");
        }

        // What other hypervisors call a network may be a sentence; a bridge is an interface of the host. Without one xl takes its default.
        if (adapter.Network is { Length: > 0 and <= MaximumBridgeLength } network && network.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.'))
        {
            parts.Add($"bridge={network}");
        }

        // A guest with firmware has the emulated adapter beside Xen's own; which one it emulates matters to those without the front end.
        if (isHardware && adapter.Model is "e1000" or "rtl8139")
        {
            parts.Add($"model={adapter.Model}");
        }

        return string.Join(", ", parts);
    }

    private static void SetIf(StringBuilder text, string key, string value)
    {
        if (value.Length > 0)
        {
            Set(text, key, Quote(value));
        }
    }

    private static void Set(StringBuilder text, string key, string value) => text.Append(CultureInfo.InvariantCulture, $"{key} = {value}\n");

    private static void SetList(StringBuilder text, string key, IEnumerable<string> values)
    {
        text.Append(CultureInfo.InvariantCulture, $"{key} = [\n");
        foreach (var value in values)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {Quote(value)},\n");
        }

        text.Append("]\n");
    }

    /// <summary>xl's parser takes backslash escapes as C has them (libxlu_cfg.c), and no line break inside of quotes.</summary>
    private static string Quote(string value)
    {
        var quoted = new StringBuilder("\"");
        foreach (var letter in value)
        {
            if (letter is '"' or '\\')
            {
                quoted.Append('\\').Append(letter);
            }
            else if (char.IsAscii(letter) && char.IsControl(letter))
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\x{(int)letter:x2}");
            }
            else
            {
                quoted.Append(letter);
            }
        }

        return quoted.Append('"').ToString();
    }
}
