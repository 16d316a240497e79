using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Finds out which kernels the target can run, and refuses a guest that has none.</summary>
internal sealed class KernelChoiceStep : ConversionStep
{
    public override string Id => "kernel-choice";

    public override string Title => "Kernels that can run on the target";

    public override string Description =>
        "A kernel built for Xen PV only cannot run anywhere else, and a kernel without the target's disk driver cannot find its root. The step looks at every " +
        "kernel and stops the conversion when none is left; it changes nothing by itself.";

    public override ImmutableArray<string> Requirements => ["S1.23", "S1.27"];

    public override void Plan(PlanningContext context)
    {
        var kernels = context.Facts.Kernels;
        foreach (var kernel in kernels)
        {
            if (WhyNot(kernel, context.Target) is { } reason)
            {
                context.Report(PlanDiagnostics.KernelNotUsable.Create(reason, kernel.ImagePath));
            }
        }

        if (!kernels.Any(kernel => IsUsable(kernel, context.Target)))
        {
            var found = kernels.IsEmpty ? "the guest has no kernel at all" : $"found {string.Join(", ", kernels.Select(kernel => kernel.Version))}";
            context.Report(PlanDiagnostics.NoUsableKernel.Create($"{found}; needed: one with {string.Join(", ", context.Target.BootDrivers)}"));
            context.Skip("no kernel of the guest can run on the target");
            return;
        }

        context.Skip($"{kernels.Count(kernel => IsUsable(kernel, context.Target))} of {kernels.Length} kernels can run on the target");
    }

    /// <summary>Whether a kernel can run on the target once its initramfs holds the drivers.</summary>
    internal static bool IsUsable(InstalledKernel kernel, TargetCapabilities target) => WhyNot(kernel, target) is null;

    private static string? WhyNot(InstalledKernel kernel, TargetCapabilities target)
    {
        if (kernel.RequiresXen && target.Mode != VirtualizationMode.Paravirtual)
        {
            return $"kernel {kernel.Version} runs only as a Xen PV guest";
        }

        var missing = target.BootDrivers.Where(name => kernel.Driver(name).Form == DriverForm.Missing).ToList();
        return missing.Count == 0 ? null : $"kernel {kernel.Version} has no driver {string.Join(", ", missing)}";
    }
}
