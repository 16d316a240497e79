using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Puts the target's disk drivers into the initramfs of every kernel that can run there.</summary>
internal sealed class InitramfsDriversStep : ConversionStep
{
    public override string Id => "initramfs-drivers";

    public override string Title => "Disk drivers of the target in every initramfs";

    public override string Description =>
        "An initramfs made on Xen often holds Xen's drivers only; on the target the kernel then never sees its disk. The guest's own modules and a hook that loads " +
        "them are put into a small archive in front of the initramfs, which the kernel unpacks first. No code of the guest runs, nothing in the old archive changes, " +
        "and it is done for every kernel, so that an older entry of the boot menu works too.";

    public override ImmutableArray<string> Requirements => ["S1.24", "S1.25", "S1.27"];

    public override void Plan(PlanningContext context)
    {
        var extended = new HashSet<string>(StringComparer.Ordinal);
        foreach (var kernel in context.Facts.Kernels.Where(kernel => KernelChoiceStep.IsUsable(kernel, context.Target)))
        {
            var drivers = context.Target.BootDrivers.Select(kernel.Driver).Where(driver => driver.Form == DriverForm.Module && !driver.InInitramfs).ToList();
            if (drivers.Count == 0)
            {
                continue;
            }

            var names = string.Join(", ", drivers.Select(driver => driver.Name));
            if (kernel.Initramfs is not { } initramfs || !CanExtend(initramfs))
            {
                ReportNotExtensible(context, kernel, names);
            }
            else if (extended.Add(initramfs.Path))
            {
                context.Add(new ExtendInitramfs
                {
                    StepId = Id,
                    Requirements = Requirements,
                    Reason = $"The initramfs of kernel {kernel.Version} lacks {names}, without which the target's disk cannot be seen.",
                    Path = initramfs.Path,
                    BeforeSha256 = initramfs.Sha256,
                    KernelVersion = kernel.Version,
                    Generator = initramfs.Generator,
                    HooksPath = initramfs.HooksPath,
                    Modules = [.. drivers.SelectMany(driver => driver.LoadOrder).Distinct(StringComparer.Ordinal)],
                });
            }
        }

        context.Skip("every initramfs holds the target's disk drivers already, or they are built into the kernel");
    }

    private static bool CanExtend(InitramfsFacts initramfs) => initramfs.Generator is InitramfsGenerator.InitramfsTools or InitramfsGenerator.Dracut;

    private static void ReportNotExtensible(PlanningContext context, InstalledKernel kernel, string drivers)
    {
        var isOnlyHope = kernel.IsDefault || context.Facts.Kernels.Length == 1;
        var kind = isOnlyHope ? PlanDiagnostics.InitramfsNotExtensible : PlanDiagnostics.OtherInitramfsNotExtensible;
        var why = kernel.Initramfs is { } initramfs
            ? $"it was made by {initramfs.Generator}{(initramfs.UnreadableReason is { } reason ? $" ({reason})" : "")}, and the drivers {drivers} are needed"
            : $"kernel {kernel.Version} has no initramfs, and {drivers} are modules";
        context.Report(kind.Create(why, kernel.Initramfs?.Path ?? kernel.ImagePath));
    }
}
