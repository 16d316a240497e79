using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>Says in common words what a Xen configuration describes.</summary>
internal static class XenMachine
{
    private const long DefaultMemoryMib = 512;

    /// <summary>Describes the machine.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="disks">Its disks, found.</param>
    public static (VirtualMachine Machine, ImmutableArray<Diagnostic> Findings) Describe(XenConfig config, ImmutableArray<VirtualDisk> disks)
    {
        var findings = config.Findings;
        var memory = config.Memory is > 0 ? config.Memory : config.MaximumMemory;
        if (memory is null or 0)
        {
            memory = DefaultMemoryMib;
            findings = findings.Add(XenDiagnostics.NoMemory.Create($"neither memory nor maxmem is set; {DefaultMemoryMib} MiB are taken", config.Where));
        }

        var machine = new VirtualMachine
        {
            Name = config.Name,
            Uuid = config.Uuid,
            Hypervisor = Hypervisor.Xen,
            Mode = config.Mode,
            Firmware = config.Firmware,
            MemoryBytes = memory.Value << 20,
            VirtualCpus = Math.Max(1, config.VirtualCpus ?? config.MaximumVirtualCpus ?? 1),
            ParavirtualBoot = BootOf(config),
            EventActions = EventsOf(config),
            Disks = disks,
            NetworkAdapters = [.. config.NetworkAdapters.Select(adapter => new NetworkAdapter
            {
                MacAddress = adapter.MacAddress,
                Network = adapter.Bridge,

                // model= chooses what QEMU emulates for an HVM guest; a paravirtual one has the front end whatever it says.
                Model = config.Mode == VirtualizationMode.Hardware && adapter.Type is not ("vif" or "netfront") ? adapter.Model : "netfront",
            })],
        };
        return (machine, findings);
    }

    private static EventActions? EventsOf(XenConfig config)
    {
        string? Action(string key) => config.Events.TryGetValue(key, out var word) && EventActions.Words.Contains(word) ? word : null;
        var events = new EventActions(Action("on_poweroff"), Action("on_reboot"), Action("on_crash"));
        return (events.PowerOff ?? events.Reboot ?? events.Crash) is null ? null : events;
    }

    // pv-grub of Xen 3.3 to 4.x (its extra= is the path of a menu, and no kernel's argument), and GRUB 2's images for Xen: boot loaders that the host starts as kernels.
    private static bool IsGrub(string? kernel)
        => kernel is not null && Path.GetFileName(kernel) is var name && (name.StartsWith("pv-grub", StringComparison.Ordinal) || name.StartsWith("pvgrub", StringComparison.Ordinal)
            || (name.StartsWith("grub-", StringComparison.Ordinal) && name.Contains("-xen", StringComparison.Ordinal)));

    // An HVM guest of xm names hvmloader as its kernel: that is firmware, not a kernel.
    private static ParavirtualBoot? BootOf(XenConfig config)
    {
        var firmwareBoots = config.Mode == VirtualizationMode.Hardware
            && (config.Kernel is null || Path.GetFileName(config.Kernel).Contains("hvmloader", StringComparison.Ordinal));
        return firmwareBoots ? null : IsGrub(config.Kernel) ? new ParavirtualBoot("pvgrub", config.Kernel, null, "") : new ParavirtualBoot(config.Bootloader, config.Kernel, config.Ramdisk, config.KernelArguments);
    }
}
