using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Hypervisors.XenServer;

/// <summary>
/// The commands of XenServer's xe that set by hand what our archives say already (S0.29 to S0.34), for a machine that came into the pool in another way; and the start from a
/// rescue CD with its undo, which is easily forgotten (S0.46, S0.47). A script for sh.
/// </summary>
public static class XeCommands
{
    /// <summary>Writes the script.</summary>
    /// <param name="machine">The machine as it is on the target.</param>
    /// <param name="archive">Name of the archive beside the script.</param>
    public static string Write(VirtualMachine machine, string archive)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $$"""
            #!/bin/sh
            # What {{archive}} says of the machine, as commands of xe. Importing the archive needs none of "setup".
            #   sh THIS import [SR-UUID]     imports the archive; keeps MAC addresses
            #   sh THIS setup [VM-UUID]      sets how the machine starts, its memory and its network
            #   sh THIS pygrub [VM-UUID]     tells what pygrub finds, when a start ends with an error of it
            #   sh THIS rescue [VM-UUID]     the next start is from the CD in the drive; then, always:
            #   sh THIS rescue-end [VM-UUID]
            set -eu
            cd "$(dirname "$0")"
            name={{Quote(machine.Name)}}
            find_vm() { vm=${1:-$(xe vm-list name-label="$name" is-control-domain=false params=uuid --minimal)}; case $vm in "" | *,*) echo "not one machine is called $name: give its uuid" >&2; exit 1 ;; esac; }

            case ${1:-} in
            import)
                # Without a default storage repository of the pool the import ends with "key not found": ask first (S0.26).
                sr=${2:-$(xe pool-list params=default-SR --minimal)}
                case $sr in "" | *"not in database"*) echo "the pool has no default storage repository: give the uuid of one (xe sr-list)" >&2; exit 1 ;; esac
                xe vm-import filename={{Quote(archive)}} sr-uuid="$sr" preserve=true
                ;;
            setup)
                find_vm "${2:-}"

            """);
        Setup(text, machine);
        text.Append("    ;;\npygrub)\n    find_vm \"${2:-}\"\n    xe-edit-bootloader -u \"$vm\" -p 1\n    ;;\n");
        text.Append("rescue)\n    find_vm \"${2:-}\"\n");
        if (IsHardware(machine))
        {
            text.Append("    xe vm-param-set uuid=\"$vm\" HVM-boot-params:order=dc\n    ;;\nrescue-end)\n    find_vm \"${2:-}\"\n    xe vm-param-set uuid=\"$vm\" HVM-boot-params:order=cd\n    ;;\n");
        }
        else
        {
            text.Append("    # The machine runs with firmware until rescue-end; a host that forgets it starts nothing.\n");
            text.Append("    xe vm-param-set uuid=\"$vm\" HVM-boot-policy=\"BIOS order\" HVM-boot-params:order=dc\n    ;;\nrescue-end)\n    find_vm \"${2:-}\"\n");
            text.Append("    xe vm-param-set uuid=\"$vm\" HVM-boot-policy=\n    xe vm-param-clear uuid=\"$vm\" param-name=HVM-boot-params\n    ;;\n");
        }

        return text.Append("*) sed -n '2,/^set /{/^set /d;s/^# \\{0,1\\}//;p;}' \"$0\" >&2; exit 2 ;;\nesac\n").ToString();
    }

    private static void Setup(StringBuilder text, VirtualMachine machine)
    {
        if (IsHardware(machine))
        {
            var isUefi = machine.Firmware == Firmware.Uefi;
            text.Append("    xe vm-param-set uuid=\"$vm\" HVM-boot-policy=\"BIOS order\" PV-bootloader= PV-args=\n");
            text.Append(CultureInfo.InvariantCulture, $"    xe vm-param-set uuid=\"$vm\" HVM-boot-params:order=cd HVM-boot-params:firmware={(isUefi ? $"uefi platform:device-model=qemu-upstream-uefi platform:secureboot={(machine.HasSecureBoot == true ? "true" : "false")}" : "bios")}\n");
        }
        else
        {
            var boot = machine.ParavirtualBoot;
            text.Append(CultureInfo.InvariantCulture, $"    xe vm-param-set uuid=\"$vm\" HVM-boot-policy=\n    xe vm-param-set uuid=\"$vm\" PV-bootloader={Quote(boot?.Bootloader ?? "pygrub")} PV-args={Quote(boot?.CommandLine ?? "")}\n");
            if (machine.Mode == VirtualizationMode.Pvh)
            {
                text.Append("    xe vm-param-set uuid=\"$vm\" domain-type=pvh\n");
            }
        }

        text.Append(CultureInfo.InvariantCulture, $"    xe vm-memory-limits-set uuid=\"$vm\" static-min={machine.MemoryBytes} dynamic-min={machine.MemoryBytes} dynamic-max={machine.MemoryBytes} static-max={machine.MemoryBytes}\n");
        text.Append(CultureInfo.InvariantCulture, $"    xe vm-param-set uuid=\"$vm\" VCPUs-max={machine.VirtualCpus} VCPUs-at-startup={machine.VirtualCpus}\n");
        for (var index = 0; index < machine.Disks.Length; index++)
        {
            // The attachment (VBD), not the disk (VDI): S0.33.
            text.Append(CultureInfo.InvariantCulture, $"    vbd=$(xe vbd-list vm-uuid=\"$vm\" userdevice={index} params=uuid --minimal)\n    xe vbd-param-set uuid=\"$vbd\" bootable={(machine.Disks[index].IsBootable ? "true" : "false")}\n");
        }

        for (var index = 0; index < machine.NetworkAdapters.Length; index++)
        {
            var adapter = machine.NetworkAdapters[index];
            var network = adapter.Network is { Length: > 0 } named ? $"name-label={Quote(named)}" : "bridge=xenbr0";
            text.Append(CultureInfo.InvariantCulture, $"    network=$(xe network-list {network} params=uuid --minimal)\n");
            text.Append(CultureInfo.InvariantCulture, $"    vif=$(xe vif-list vm-uuid=\"$vm\" device={index} params=uuid --minimal)\n    [ -z \"$vif\" ] || xe vif-destroy uuid=\"$vif\"\n");
            text.Append(CultureInfo.InvariantCulture, $"    xe vif-create vm-uuid=\"$vm\" device={index} network-uuid=\"$network\" mac={Quote(adapter.MacAddress ?? "random")}\n");
        }
    }

    private static bool IsHardware(VirtualMachine machine) => machine.Mode is not (VirtualizationMode.Paravirtual or VirtualizationMode.Pvh);

    // Between single quotes sh takes everything as it is; what a terminal would obey when the script is read is made visible.
    private static string Quote(string value) => "'" + PrintableText.Clean(value).Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
