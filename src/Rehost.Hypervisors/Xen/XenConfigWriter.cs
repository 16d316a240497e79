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
    /// <param name="machine">The machine as it shall be on the target; its disks name their files in <see cref="VirtualDisk.Path"/>.</param>
    /// <param name="diskDirectory">Directory of the disks on the host; full path.</param>
    /// <returns>The text, ending in a newline.</returns>
    /// <exception cref="DiagnosticException">The machine has no memory, no processor, or a disk without a file (XEN014).</exception>
    public static string Write(VirtualMachine machine, string diskDirectory)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(diskDirectory);
        var memory = machine.MemoryBytes >> 20;
        if (memory < 1 || machine.VirtualCpus < 1 || machine.Disks.Any(disk => disk.Path is null))
        {
            throw XenDiagnostics.Unwritable.ToException($"{machine.MemoryBytes} bytes of memory, {machine.VirtualCpus} processors, {machine.Disks.Count(disk => disk.Path is null)} disks without a file", machine.Name);
        }

        var text = new StringBuilder();
        text.Append("# A guest for xl, written by rehost. Start it with: xl create -c FILE\n");
        Set(text, "name", Quote(machine.Name));
        if (machine.Uuid is { } uuid)
        {
            Set(text, "uuid", Quote(uuid.ToString("D")));
        }

        Set(text, "type", machine.Mode switch { VirtualizationMode.Paravirtual => "\"pv\"", VirtualizationMode.Pvh => "\"pvh\"", _ => "\"hvm\"" });
        Set(text, "memory", memory.ToString(CultureInfo.InvariantCulture));
        Set(text, "maxmem", memory.ToString(CultureInfo.InvariantCulture));
        Set(text, "vcpus", machine.VirtualCpus.ToString(CultureInfo.InvariantCulture));
        WriteBoot(text, machine);
        SetList(text, "disk", machine.Disks.Select(disk => DiskOf(disk, diskDirectory)));
        SetList(text, "vif", machine.NetworkAdapters.Select(AdapterOf));
        if (machine.Mode != VirtualizationMode.Paravirtual)
        {
            Set(text, "serial", "\"pty\"");
        }

        Set(text, "on_poweroff", "\"destroy\"");
        Set(text, "on_reboot", "\"restart\"");
        Set(text, "on_crash", "\"restart\"");
        return text.ToString();
    }

    private static void WriteBoot(StringBuilder text, VirtualMachine machine)
    {
        if (machine.ParavirtualBoot is { } boot)
        {
            foreach (var (key, value) in new[] { ("bootloader", boot.Bootloader), ("kernel", boot.Kernel), ("ramdisk", boot.Ramdisk), ("cmdline", boot.CommandLine) })
            {
                if (!string.IsNullOrEmpty(value))
                {
                    Set(text, key, Quote(value));
                }
            }
        }
        else
        {
            Set(text, "firmware", machine.Firmware == Firmware.Uefi ? "\"ovmf\"" : "\"seabios\"");
            Set(text, "boot", "\"c\"");
            Set(text, "vnc", "1");
            Set(text, "vnclisten", "\"127.0.0.1\"");
        }
    }

    /// <summary>The path comes last: only there may it hold commas (xl-disk-configuration(5), "target").</summary>
    private static string DiskOf(VirtualDisk disk, string directory)
        => $"format={disk.Format}, vdev={disk.DeviceName}, access={(disk.IsReadOnly ? "ro" : "rw")}, target={Path.Combine(directory, disk.Path ?? "")}";

    private static string AdapterOf(NetworkAdapter adapter)
    {
        var parts = new List<string>();
        if (adapter.MacAddress is { } mac)
        {
            parts.Add($"mac={mac}");
        }

        // What other hypervisors call a network may be a sentence; a bridge is an interface of the host. Without one xl takes its default.
        if (adapter.Network is { Length: > 0 and <= MaximumBridgeLength } network && network.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.'))
        {
            parts.Add($"bridge={network}");
        }

        return string.Join(", ", parts);
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
