using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Steps.Linux;

namespace Rehost.Planning;

/// <summary>
/// Chooses how a guest starts on Xen: PV by pygrub where its kernel and its menu allow it, PV with a kernel that dom0 hands out where pygrub cannot read the disk, PVH where the
/// kernel has its entry (an ELF note) and cannot run PV, else with firmware. XenServer's releases narrow the choice.
/// </summary>
internal static class XenBoot
{
    private const string GrubDirectory = "/usr/lib/grub-xen";

    /// <summary>The forms, as --xen-boot names them.</summary>
    public static ImmutableArray<string> Forms { get; } = ["pygrub", "pvgrub", "direct", "pvh", "hvm"];

    /// <summary>The target in the form that fits; other targets as they are.</summary>
    public static TargetCapabilities Choose(GuestFacts facts, TargetCapabilities target, ConversionOptions options)
    {
        if (!IsXen(target))
        {
            return target;
        }

        var paravirtual = Paravirtual(target);
        return (options.XenBoot ?? Automatic(facts, paravirtual, options)) switch
        {
            "direct" => paravirtual with { XenBoot = XenBootForm.Direct },
            "pvgrub" => paravirtual with { XenBoot = XenBootForm.Pvgrub },
            "pvh" => Pvh(paravirtual) is var pvh && target.Hypervisor == Hypervisor.Xen && PygrubLimits.WhyNot(facts, pvh, options) is not null ? pvh with { XenBoot = XenBootForm.Direct } : pvh,
            "hvm" => TargetCapabilities.XenHvm with { Hypervisor = target.Hypervisor },
            _ => paravirtual,
        };
    }

    /// <summary>The form for a guest whose volumes are not changed: null away from Xen.</summary>
    public static string? ForUntouched(GuestFacts facts, TargetCapabilities target, ConversionOptions options)
        => !IsXen(target) ? null : Obstacle(facts, Paravirtual(target), options, "direct", ReleaseOf(options)) is null ? "direct" : "hvm";

    /// <summary>Tells the operator why the form is not the usual one, and refuses what cannot be.</summary>
    public static void Report(PlanningContext context)
    {
        var (facts, target, options) = (context.Facts, context.Target, context.Options);
        if (!IsXen(target))
        {
            return;
        }

        var release = ReleaseOf(options);
        var paravirtual = Paravirtual(target);
        if (options.XenBoot is { } asked && Obstacle(facts, paravirtual, options, asked, release) is { } obstacle)
        {
            context.Report(XenPlanDiagnostics.FormImpossible.Create(obstacle, asked));
        }
        else if (options.XenBoot is null && target.Mode != VirtualizationMode.Paravirtual)
        {
            var reason = context.IsZeroWrite ? "the guest's volumes stay as they are" : Obstacle(facts, paravirtual, options, "pygrub", release) ?? PygrubLimits.WhyNot(facts, paravirtual, options) ?? "it starts from firmware";
            context.Report(XenPlanDiagnostics.ChosenForm.Create($"{reason}: it becomes {(target.Mode == VirtualizationMode.Pvh ? "PVH" : "HVM")}", release?.Name));
        }

        if (target is { Mode: VirtualizationMode.Hardware, Firmware: Firmware.Uefi } && release is { TakesUefi: false })
        {
            context.Report(XenPlanDiagnostics.NoUefi.Create($"the guest starts from UEFI; {release.Name} knows the BIOS alone", release.Name));
        }

        if (options.DiskLayout == "partitions" && (!target.IsXenNative || target.Hypervisor != Hypervisor.Xen))
        {
            context.Report(XenPlanDiagnostics.LayoutImpossible.Create(target.IsXenNative ? "XenServer numbers disks" : "a machine with firmware starts from a disk with a table", "--disk-layout"));
        }

        if (target.XenBoot == XenBootForm.Pvgrub)
        {
            context.CheckByHand($"dom0 needs GRUB for Xen as {GrubOf(context)} (Debian and Ubuntu: grub-xen-host); where another distribution keeps it, change kernel= in the configuration.");
        }

        if (target.XenBoot == XenBootForm.Direct && TargetFit.DefaultKernel(facts, target) is { } kernel)
        {
            var reason = context.IsZeroWrite ? "the guest's volumes stay as they are, and pygrub would read its own menu" : PygrubLimits.WhyNot(facts, target, options) is { } limit ? $"pygrub does not read it: {limit}" : "as asked for";
            context.Report(XenPlanDiagnostics.KernelFromDom0.Create(reason, kernel.ImagePath));
            context.CheckByHand($"dom0 starts this guest with copies of {kernel.ImagePath}{(kernel.Initramfs is { } initramfs ? $" and {initramfs.Path}" : "")}: after a kernel update in the guest copy them anew (`rehost files get`).");
        }
    }

    /// <summary>Where dom0 has GRUB built for Xen: one for each kind of PV guest, because a PV domain is of its kernel's.</summary>
    public static string GrubOf(PlanningContext context)
        => $"{GrubDirectory}/grub-{(TargetFit.DefaultKernel(context.Facts, context.Target)?.ParavirtualAbi is { } abi && abi != "x86_64" ? "i386" : "x86_64")}-xen.bin";

    private static bool IsXen(TargetCapabilities target) => target.Hypervisor is Hypervisor.Xen or Hypervisor.XenServer;

    private static TargetCapabilities Paravirtual(TargetCapabilities target) => target.Hypervisor == Hypervisor.XenServer ? TargetCapabilities.XenServerPv : TargetCapabilities.XenPv;

    private static TargetCapabilities Pvh(TargetCapabilities paravirtual) => TargetCapabilities.XenPvh with { Hypervisor = paravirtual.Hypervisor };

    private static XenServerRelease? ReleaseOf(ConversionOptions options) => options is { Target: "xenserver", XenServerVersion: { } name } ? XenServerRelease.Parse(name) : null;

    private static string Automatic(GuestFacts facts, TargetCapabilities paravirtual, ConversionOptions options)
    {
        var release = ReleaseOf(options);
        var isServer = paravirtual.Hypervisor == Hypervisor.XenServer;
        if (Obstacle(facts, paravirtual, options, "pygrub", release) is null)
        {
            if (PygrubLimits.WhyNot(facts, paravirtual, options) is null)
            {
                return "pygrub";
            }

            // What dom0 of XenServer holds is nobody's to count on: an update of the host throws it away.
            if (!isServer)
            {
                return "direct";
            }
        }

        if (!isServer && Obstacle(facts, paravirtual, options, "pvh", release) is null)
        {
            return "pvh";
        }

        return Obstacle(facts, paravirtual, options, "hvm", release) is null ? "hvm" : "pygrub";
    }

    // Why a form is out of the question for this guest and this release.
    private static string? Obstacle(GuestFacts facts, TargetCapabilities paravirtual, ConversionOptions options, string form, XenServerRelease? release) => form switch
    {
        "hvm" => facts.Kernels.Any(kernel => TargetCapabilities.XenHvm.DiskModels.Any(model => KernelChoiceStep.IsUsable(kernel, TargetCapabilities.XenHvm with { BootDrivers = model.Drivers })))
            ? null : "no kernel of the guest runs with firmware and has a driver for Xen's disks or IDE",
        "pvh" => release is { TakesPvh: false } ? $"{release.Name} knows no PVH guests"
            : facts.Kernels.Any(kernel => KernelChoiceStep.IsUsable(kernel, Pvh(paravirtual))) ? null : "no kernel of the guest has the entry for PVH guests and a driver for Xen's disks",
        "direct" or "pvgrub" when paravirtual.Hypervisor == Hypervisor.XenServer => "XenServer's dom0 keeps no files of ours over an update",
        "pvgrub" when MenuObstacle(facts) is { } obstacle => obstacle,
        _ => ParavirtualObstacle(facts, paravirtual, release),
    };

    // What the images of GRUB for Xen look for in the guest, on every file system that GRUB reads (their own grub.cfg, tried).
    private static string? MenuObstacle(GuestFacts facts) => BootMenuStep.Effective(facts) switch
    {
        { Kind: BootConfigurationKind.Grub2, UsesLoaderEntries: true } menu => $"{menu.Path} has entries of the Boot Loader Specification, which GRUB for Xen does not read",
        { Kind: BootConfigurationKind.Grub2, Path: "/boot/grub/grub.cfg" } => null,
        var menu => $"GRUB for Xen reads /boot/grub/grub.cfg, and the guest's menu is {menu?.Path ?? "none"}",
    };

    private static string? ParavirtualObstacle(GuestFacts facts, TargetCapabilities paravirtual, XenServerRelease? release)
    {
        var usable = facts.Kernels.Where(kernel => KernelChoiceStep.IsUsable(kernel, paravirtual)).ToList();
        return usable.Count == 0 ? "no kernel of the guest runs as a PV guest and has a driver for Xen's disks"
            : release is { TakesParavirtual: false } ? $"{release.Name} takes no PV guests"
            : release is { TakesParavirtual32: false } && usable.TrueForAll(kernel => kernel.ParavirtualAbi is { } abi && abi != "x86_64") ? $"{release.Name} takes no 32-bit PV guests"
            : null;
    }
}
