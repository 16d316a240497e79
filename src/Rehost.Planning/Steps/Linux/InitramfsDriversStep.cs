using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Puts the target's disk drivers into the initramfs of every kernel that can run there.</summary>
internal sealed class InitramfsDriversStep : ConversionStep
{
    public override string Id => "initramfs-drivers";

    public override string Title => "Disk drivers of the target in every initramfs";

    public override string Description =>
        "An initramfs made on another hypervisor often holds that one's drivers only; on the target the kernel then never sees its disk. The guest's own modules and a hook that loads " +
        "them are put into a small archive in front of the initramfs, which the kernel unpacks first (initramfs-tools, dracut, mkinitcpio with systemd). Where the generator takes no hooks, the start script in the archive is edited: " +
        "nash's literal list of insmod gets the drivers, in order, and loses those of the other hypervisor; the shell scripts of SUSE's mkinitrd, mkinitcpio, genkernel, mkinitfs and unknown ones get one line, and where an unknown one names its root literally, that name becomes the target's. " +
        "Only the archive with that script is packed anew, the rest of it byte for byte. A kernel without initramfs, whose drivers for the target are modules and whose root is on a plain partition, gets one of ours: a program of system calls in a row loads them, mounts the root and becomes the guest's init. No code of the guest runs, and it is done for every kernel, so that an older entry of the boot menu works too.";

    public override ImmutableArray<string> Requirements => ["S0.14", "S0.16", "S0.17", "S1.24", "S1.25", "S1.27", "S2.10"];

    public override void Plan(PlanningContext context)
    {
        var extended = new HashSet<string>(StringComparer.Ordinal);
        foreach (var kernel in context.Facts.Kernels.Where(kernel => kernel.Unified is null && KernelChoiceStep.IsUsable(kernel, context.Target)))
        {
            var drivers = Needed(kernel, context).ToList();
            var shouldLeave = kernel.Initramfs is { InitScript: { } script } initrd && (initrd.Generator == InitramfsGenerator.Nash ? NashScript.Edit(script, [], context)
                : initrd.Generator == InitramfsGenerator.Unknown && ShellScript.IsShell(script) ? ShellScript.WithTargetNames(script, context) : script) != script;
            if (OwnInitramfs.For(context, kernel, this) is { } made)
            {
                context.Add(made);
                continue;
            }

            if (drivers.Count == 0 && !shouldLeave)
            {
                continue;
            }

            var names = string.Join(", ", drivers.Select(driver => driver.Name));
            if (kernel.Initramfs is not { } initramfs || Change(kernel, initramfs, drivers, names, context) is not { } change)
            {
                ReportNotExtensible(context, kernel, names);
            }
            else if (extended.Add(initramfs.Path))
            {
                context.Add(change);
            }
        }

        context.Skip("every initramfs holds the target's disk drivers already, or they are built into the kernel");
    }

    /// <summary>The target's disk drivers, and the root's file system: the initramfs of a kernel that never ran here may lack it as well (S0.17).</summary>
    internal static IEnumerable<KernelDriver> Needed(InstalledKernel kernel, PlanningContext context)
    {
        var fileSystem = context.Devices.Root?.Type is { } type ? kernel.Driver(type) : null;
        return context.Target.BootDrivers.Select(kernel.Driver).Concat(fileSystem is null ? [] : [fileSystem]).Where(driver => driver.Form == DriverForm.Module && !driver.InInitramfs);
    }

    private Change? Change(InstalledKernel kernel, InitramfsFacts initramfs, List<KernelDriver> drivers, string names, PlanningContext context)
    {
        var reason = names.Length > 0
            ? $"The initramfs of kernel {kernel.Version} lacks {names}, without which the target's disk cannot be seen."
            : $"The initramfs of kernel {kernel.Version} loads drivers of the old hypervisor's disks and names devices that the target does not have.";
        ImmutableArray<string> modules = [.. drivers.SelectMany(driver => driver.LoadOrder).Distinct(StringComparer.Ordinal)];
        if (initramfs.Generator is InitramfsGenerator.InitramfsTools or InitramfsGenerator.Dracut || initramfs is { Generator: InitramfsGenerator.Mkinitcpio, HooksPath: not null })
        {
            return new ExtendInitramfs
            {
                StepId = Id,
                Requirements = Requirements,
                Reason = reason,
                Path = initramfs.Path,
                BeforeSha256 = initramfs.Sha256,
                KernelVersion = kernel.Version,
                Generator = initramfs.Generator,
                HooksPath = initramfs.HooksPath,
                Modules = modules,
            };
        }

        if (initramfs is not { InitScript: { } script, InitPath: { } path, UnreadableReason: null } || (initramfs.Generator != InitramfsGenerator.Nash && !ShellScript.IsShell(script)))
        {
            return null;
        }

        var isNash = initramfs.Generator == InitramfsGenerator.Nash;
        var edited = isNash ? NashScript.Edit(script, [.. modules.Select(ModuleName)], context) : initramfs.Generator == InitramfsGenerator.Unknown ? ShellScript.WithTargetNames(ShellScript.Edit(script), context) : ShellScript.Edit(script);
        return new RewriteInitramfs
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = reason,
            Path = initramfs.Path,
            BeforeSha256 = initramfs.Sha256,
            KernelVersion = kernel.Version,
            Generator = initramfs.Generator,
            ScriptPath = path,
            ScriptBeforeSha256 = Convert.ToHexStringLower(SHA256.HashData(GuestText.Encode(script))),
            ScriptContent = edited,
            Diff = UnifiedDiff.Create($"{initramfs.Path}/{path}", script, edited),
            ModulesDirectory = isNash ? NashScript.ModulesDirectory : ShellScript.ModulesDirectory,
            Modules = modules,
        };
    }

    // virtio-blk.ko.xz is loaded as virtio_blk.ko: the applier decompresses it and gives it the kernel's name.
    private static string ModuleName(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        var end = name.IndexOf(".ko", StringComparison.Ordinal);
        return (end < 0 ? name : name[..end]).Replace('-', '_');
    }

    private static void ReportNotExtensible(PlanningContext context, InstalledKernel kernel, string drivers)
    {
        var isOnlyHope = kernel.IsDefault || context.Facts.Kernels.Length == 1;
        var kind = isOnlyHope ? PlanDiagnostics.InitramfsNotExtensible : PlanDiagnostics.OtherInitramfsNotExtensible;
        var why = kernel.Initramfs is { } initramfs
            ? $"it was made by {initramfs.Generator}{(initramfs.UnreadableReason is { } reason ? $" ({reason})" : "")}, and the drivers {drivers} are needed"
            : $"kernel {kernel.Version} has no initramfs, {drivers} are modules, and {OwnInitramfs.WhyNot(context, kernel)}";
        context.Report(kind.Create(why, kernel.Initramfs?.Path ?? kernel.ImagePath));
    }
}
