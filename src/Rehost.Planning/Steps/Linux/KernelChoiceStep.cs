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

    public override bool EditsGuest => false;

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
            context.Report(PlanDiagnostics.NoUsableKernel.Create($"{found}; needed: one with {string.Join(", ", context.Target.BootDrivers)}{Advice(context)}"));
            context.Skip("no kernel of the guest can run on the target");
            return;
        }

        if (kernels.FirstOrDefault(kernel => kernel.IsDefault) is { } usual && TargetFit.DefaultKernel(context.Facts, context.Target) is { } chosen && chosen.Version != usual.Version)
        {
            context.Skip($"kernel {chosen.Version} becomes the default, the best of {kernels.Count(kernel => IsUsable(kernel, context.Target))} that can run on the target; the guest's own default cannot: {WhyNot(usual, context.Target)}");
            return;
        }

        context.Skip($"{kernels.Count(kernel => IsUsable(kernel, context.Target))} of {kernels.Length} kernels can run on the target");
    }

    // Which package to bring (S0.9, S1.23, S2.8): by the distribution, since the names differ.
    private static string Advice(PlanningContext context)
    {
        var isXen = context.Target.IsXenNative;
        var system = context.Facts.OperatingSystem;
        var version = system.Version ?? "";
        var package = (system.Family, isXen) switch
        {
            (DistributionFamily.RedHat, true) when version.StartsWith('4') => "kernel-xenU",
            (DistributionFamily.RedHat, true) when version.StartsWith('5') => "kernel-xen",
            (DistributionFamily.Suse, true) => "kernel-xen (or kernel-default since SLES 12 SP2)",
            (DistributionFamily.Suse, false) => "kernel-default",
            (DistributionFamily.RedHat, _) => "kernel",
            (DistributionFamily.Debian, _) when system.Id == "ubuntu" => isXen ? "linux-image-generic" : "linux-image-virtual",
            (DistributionFamily.Debian, _) => system.Architecture == "x86_64" ? "linux-image-amd64" : "linux-image-686-pae",
            (DistributionFamily.Arch, _) => "linux",
            (DistributionFamily.Alpine, _) => "linux-virt",
            _ => null,
        };
        return package is null ? "" : $"; {system.Name} has it in the package {package}: fetch it from the distribution's archive and give it with --package FILE";
    }

    /// <summary>Whether a kernel can run on the target once its initramfs holds the drivers.</summary>
    internal static bool IsUsable(InstalledKernel kernel, TargetCapabilities target) => WhyNot(kernel, target) is null;

    /// <summary>Why a kernel cannot run in the target's mode whatever drivers it has; null when it can.</summary>
    internal static string? WhyNotInMode(InstalledKernel kernel, TargetCapabilities target) => (target.Mode, kernel) switch
    {
        (VirtualizationMode.Paravirtual, { ParavirtualAbi: null, RequiresXen: false }) => $"kernel {kernel.Version} cannot run as a Xen PV guest",
        (VirtualizationMode.Paravirtual, { ParavirtualAbi: "x86_32" }) => $"kernel {kernel.Version} is built for x86_32 without PAE, which no Xen since 3.1 runs",
        (VirtualizationMode.Pvh, { SupportsPvh: false }) => $"kernel {kernel.Version} has no entry for Xen PVH guests",
        (not VirtualizationMode.Paravirtual, { RequiresXen: true }) => $"kernel {kernel.Version} runs only as a Xen PV guest",
        _ => null,
    };

    private static string? WhyNot(InstalledKernel kernel, TargetCapabilities target)
    {
        if (WhyNotInMode(kernel, target) is { } reason)
        {
            return reason;
        }

        var missing = target.BootDrivers.Where(name => kernel.Driver(name).Form == DriverForm.Missing).ToList();
        return missing.Count == 0 ? null : $"kernel {kernel.Version} has no driver {string.Join(", ", missing)}";
    }
}
