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
    /// The firmware of a machine whose volumes are not changed: a BIOS, because on UEFI the guest's own EFI system partition would be found before ours, and any Linux kernel starts from either.
    /// </summary>
    public static Firmware? FirmwareFor(TargetCapabilities target) => target.Mode == VirtualizationMode.Hardware ? Firmware.Bios : null;

    /// <summary>Tells the operator what it costs.</summary>
    public static void Report(PlanningContext context, string because)
    {
        if (context.Target.IsXenNative)
        {
            context.Report(PlanDiagnostics.UntouchedNeedsFirmware.Create($"the guest's volumes are not to be changed ({because}), and pygrub would read the guest's own menu before any of ours"));
            return;
        }

        var kind = context.Options.GuestChanges == GuestChanges.None ? PlanDiagnostics.UntouchedAsAsked : PlanDiagnostics.UntouchedByNeed;
        context.Report(kind.Create($"the guest's volumes stay byte for byte as they are: {because}"));
        context.CheckByHand("The machine starts with copies of kernel and initramfs in a helper partition: a kernel update in the guest does not reach them. Convert again after one, or install a boot loader in the guest by its own means.");
        context.CheckByHand("Names of devices and interfaces are kept by rules that the helper partition's initramfs leaves in /run at each start; fstab, logins and the tools of the old hypervisor are as they were.");
    }
}
