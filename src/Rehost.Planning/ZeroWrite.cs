using Rehost.Model;

namespace Rehost.Planning;

/// <summary>Conversions that write to no volume of the guest: when, and what they cost.</summary>
internal static class ZeroWrite
{
    /// <summary>Why a plan must be made again without changes of the guest; null when it may stay as it is.</summary>
    public static string? Reason(GuestFacts facts, ConversionPlan plan)
    {
        var inGuest = plan.Changes.Where(change => change.IsInGuest).ToList();
        if (inGuest.Count == 0)
        {
            return null;
        }

        if (plan.Options.GuestChanges == GuestChanges.None)
        {
            return "this was asked for";
        }

        if (facts.RootSealedBecause is { } because)
        {
            return because;
        }

        // A file system with a feature that is not known can often be read, and is never written.
        var devices = new DeviceNames(facts, plan.Capabilities);
        return inGuest.Select(change => devices.Holding(change.Subject)).FirstOrDefault(volume => volume?.ReadOnlyReason is not null) is { } volume
            ? $"{volume.Type} on {volume.DeviceName} can be read and not written ({volume.ReadOnlyReason})"
            : null;
    }

    /// <summary>
    /// How a machine starts whose volumes are not changed, unless the operator says otherwise. From a BIOS, because on UEFI the guest's own EFI system partition would be found before ours, and any Linux kernel
    /// starts from either. On Xen with a kernel that dom0 hands out, because pygrub would read the guest's own menu before any of ours.
    /// </summary>
    public static ConversionOptions Starting(GuestFacts facts, TargetCapabilities target, ConversionOptions options) => options with
    {
        Firmware = options.Firmware ?? Firmware.Bios,
        XenBoot = options.XenBoot ?? XenBoot.ForUntouched(facts, target, options),
    };

    /// <summary>Tells the operator what it costs.</summary>
    public static void Report(PlanningContext context, string because)
    {
        if (context.Facts.Packages is { Length: > 0 } packages)
        {
            context.Report(PlanDiagnostics.UntouchedWithPackages.Create($"{string.Join(", ", packages.Select(package => package.Name))}: their files belong into the guest's volumes, which stay as they are ({because})"));
        }

        if (context.Target.Firmware == Firmware.Uefi && context.Facts.EfiPrograms is [var program, ..])
        {
            context.Report(PlanDiagnostics.UntouchedBesideEfi.Create($"it would find {program} before the helper partition, with the guest's own menu behind it", program));
        }

        if (context.Target is { IsXenNative: true, XenBoot: not XenBootForm.Direct })
        {
            context.Report(PlanDiagnostics.UntouchedNeedsFirmware.Create($"the guest's volumes are not to be changed ({because}), and pygrub would read the guest's own menu before any of ours"));
            return;
        }

        var kind = context.Options.GuestChanges == GuestChanges.None ? PlanDiagnostics.UntouchedAsAsked : PlanDiagnostics.UntouchedByNeed;
        context.Report(kind.Create($"the guest's volumes stay byte for byte as they are: {because}"));
        if (!context.Target.IsXenNative)
        {
            context.CheckByHand("The machine starts with copies of kernel and initramfs in a helper partition: a kernel update in the guest does not reach them. Convert again after one, or install a boot loader in the guest by its own means.");
        }

        context.CheckByHand($"Names of devices and interfaces are kept by rules that the {(context.Target.IsXenNative ? "initramfs of dom0" : "helper partition's initramfs")} leaves in /run at each start; fstab, logins and the tools of the old hypervisor are as they were.");
    }
}
