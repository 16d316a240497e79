using System.Globalization;
using Rehost.Model;

namespace Rehost.Cli.Output;

/// <summary>Facts of a guest for people: a tree of what is there.</summary>
internal static class FactsPrinter
{
    public static void Print(TextWriter writer, GuestFacts facts)
    {
        var machine = facts.Machine;
        Line(writer, $"{machine.Name}: {machine.Hypervisor}, {Mode(machine)}, {TerminalText.Bytes(machine.MemoryBytes)} memory, {machine.VirtualCpus} CPU{(machine.VirtualCpus == 1 ? "" : "s")}");
        if (machine.ParavirtualBoot is { } boot)
        {
            Line(writer, $"  started by {boot.Bootloader ?? $"kernel {boot.Kernel} from dom0"}{(boot.CommandLine.Length == 0 ? "" : $" with '{boot.CommandLine}'")}");
        }

        foreach (var adapter in machine.NetworkAdapters)
        {
            Line(writer, $"  network {adapter.MacAddress ?? "(no fixed MAC)"} on {adapter.Network ?? "?"}");
        }

        StorageTree.Print(writer, facts);
        var system = facts.OperatingSystem;
        if (facts.Windows is { } windows)
        {
            WindowsPrinter.Print(line => Line(writer, line), facts, windows);
            FindingsPrinter.Print(writer, facts.Findings);
            return;
        }

        Line(writer, $"{system.Name}, {system.Architecture}, {system.Init}{Optional(", host name ", system.HostName)}{Optional(", SELinux ", facts.SelinuxMode)}");
        foreach (var kernel in facts.Kernels)
        {
            Line(writer, $"  kernel {kernel.Version}{(kernel.IsDefault ? " (default)" : "")}{(kernel.RequiresXen ? ", runs on Xen only" : "")}");
            Line(writer, $"    drivers: {string.Join(", ", kernel.Drivers.Where(driver => driver.Form != DriverForm.Missing).Select(driver => driver.Name + (driver.Form == DriverForm.BuiltIn ? " (built in)" : driver.InInitramfs ? " (in the initramfs)" : "")))}");
            if (kernel.Initramfs is { } initramfs)
            {
                Line(writer, $"    initramfs {initramfs.Path}: {TerminalText.Bytes(initramfs.LengthBytes)}, {initramfs.Compression}, made by {initramfs.Generator}, {initramfs.Modules.Length} modules");
            }
        }

        foreach (var configuration in facts.BootConfigurations)
        {
            Line(writer, $"  boot menu {configuration.Path} ({configuration.Kind})");
            for (var index = 0; index < configuration.Entries.Length; index++)
            {
                var entry = configuration.Entries[index];
                Line(writer, string.Create(CultureInfo.InvariantCulture, $"    {index}{(index == configuration.DefaultIndex ? "*" : " ")} {entry.Title}: {entry.KernelPath} {entry.Arguments}"));
            }
        }

        foreach (var mount in facts.MountPoints)
        {
            Line(writer, $"  fstab {mount.Device} on {mount.Path} ({mount.Type}){(mount.VolumeName is null ? "" : $" = {mount.VolumeName}")}");
        }

        foreach (var nic in facts.NetworkInterfaces)
        {
            Line(writer, $"  interface {nic.Name} ({nic.Method}) {string.Join(' ', nic.Addresses)}{Optional(" MAC ", nic.MacAddress)} by {nic.ConfiguredIn}");
        }

        if (!facts.LoginTerminals.IsEmpty)
        {
            Line(writer, $"  login on {string.Join(", ", facts.LoginTerminals)}");
        }

        foreach (var tool in facts.HypervisorTools)
        {
            Line(writer, $"  {tool.Name} ({string.Join(", ", tool.Services)})");
        }

        FindingsPrinter.Print(writer, facts.Findings);
    }

    private static string Mode(VirtualMachine machine) => machine.Mode switch
    {
        VirtualizationMode.Paravirtual => "paravirtual",
        VirtualizationMode.Pvh => "PVH",
        VirtualizationMode.Hardware => machine.Firmware == Firmware.Uefi ? "UEFI" : "BIOS",
        _ => "mode unknown",
    };

    private static string Optional(string before, string? value) => value is null ? "" : before + value;

    private static void Line(TextWriter writer, string text) => writer.WriteLine(TerminalText.Clean(text));
}
