using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>
/// An initramfs of ours, for a kernel without one whose drivers for the target are modules: a kernel that an administrator built for one machine, or one from a package where no other initramfs can be
/// its model. It finds its root by the kernel's own name, as such a kernel does by itself; what is on LVM, an array or encrypted never started without an initramfs.
/// </summary>
internal static class OwnInitramfs
{
    // What mkfs gives a file system its checksums with; ext4, XFS and Btrfs ask for it by name, which modules.dep does not say.
    private const string Checksum = "crc32c_generic";

    /// <summary>Whether a kernel gets one.</summary>
    public static bool IsMade(PlanningContext context, InstalledKernel kernel) => WhyNot(context, kernel) is null && IsNeeded(context, kernel);

    /// <summary>Guest path of the one that a kernel gets; null when it gets none.</summary>
    public static string? PathFor(PlanningContext context, InstalledKernel kernel) => IsMade(context, kernel) ? PathOf(kernel) : null;

    /// <summary>The change; null when there is nothing to make.</summary>
    public static MakeInitramfs? For(PlanningContext context, InstalledKernel kernel, ConversionStep step)
    {
        if (!IsMade(context, kernel) || context.Devices.Root is not { } root)
        {
            return null;
        }

        var drivers = Drivers(context, kernel).ToList();
        var asked = BootMenuStep.ArgumentsFor(kernel, context).Split(' ').LastOrDefault(argument => argument.StartsWith("init=/", StringComparison.Ordinal));
        ImmutableArray<string> programs = ["/sbin/init", "/etc/init", "/bin/init", "/bin/sh"];
        return new MakeInitramfs
        {
            StepId = step.Id,
            Requirements = step.Requirements,
            Reason = $"Kernel {kernel.Version} has no initramfs, and its {string.Join(", ", drivers.Select(driver => driver.Name))} for the target are modules: one of ours loads them, mounts {context.Devices.TargetName(root)} and starts the guest's init.",
            Path = PathOf(kernel),
            BeforeSha256 = kernel.Initramfs?.Sha256,
            KernelVersion = kernel.Version,
            Is64Bit = context.Facts.OperatingSystem.Architecture == "x86_64",
            Modules = [.. drivers.SelectMany(driver => driver.LoadOrder).Distinct(StringComparer.Ordinal)],
            RootDevice = context.Devices.TargetName(root),
            RootType = root.Type ?? "",
            RootOptions = root.Subvolume is { Length: > 0 } subvolume ? "subvol=" + subvolume : "",
            InitPrograms = asked is null ? programs : [asked["init=".Length..], .. programs.Where(program => program != asked["init=".Length..])],
        };
    }

    /// <summary>The initramfs as a menu names it beside a kernel: by the same device and from the same volume. Null when the kernel of that line gets none.</summary>
    public static string? BesideKernel(string kernelPath, BootConfiguration configuration, PlanningContext context)
    {
        var close = kernelPath.StartsWith('(') ? kernelPath.IndexOf(')', StringComparison.Ordinal) + 1 : 0;
        var path = kernelPath[close..];
        var version = configuration.Entries.FirstOrDefault(entry => entry.KernelPath == path && entry.InitramfsPath is null)?.KernelVersion;
        if (version is null || context.Facts.Kernels.FirstOrDefault(kernel => kernel.Version == version) is not { Initramfs: null } wanted || PathFor(context, wanted) is not { } made)
        {
            return null;
        }

        var slash = kernelPath.LastIndexOf('/') + 1;
        return kernelPath[slash..] == NameOf(wanted.ImagePath) ? kernelPath[..slash] + NameOf(made) : kernelPath[..close] + BootMenuStep.OnVolume(context, made);
    }

    private static string PathOf(InstalledKernel kernel) => kernel.Initramfs?.Path ?? $"{kernel.ImagePath[..kernel.ImagePath.LastIndexOf('/')]}/initrd-{kernel.Version}.img";

    /// <summary>Why a kernel can get none; null when it can.</summary>
    public static string? WhyNot(PlanningContext context, InstalledKernel kernel)
        => context.IsZeroWrite || kernel.Unified is not null || !(kernel.Initramfs is null or { Generator: InitramfsGenerator.Rehost }) ? "none of ours may take its place"
        : context.Devices.Root is not { BuiltOn.IsEmpty: true, Type: not null } ? "its root is not on a plain partition, where one of ours would find it"
        : context.Facts.OperatingSystem.Architecture is not ("x86_64" or "i386" or "i486" or "i586" or "i686") ? "one of ours is for x86 alone"
        : KernelVersion.IsBefore(kernel.Version, 2, 6, 32) ? "it is too old for one of ours (it has no devtmpfs)" : null;

    // One that an earlier conversion made is for that target: its disks have other names.
    private static bool IsNeeded(PlanningContext context, InstalledKernel kernel)
        => InitramfsDriversStep.Needed(kernel, context).Any() || (kernel.Initramfs is not null && context.Facts.Machine.Hypervisor != context.Target.Hypervisor);

    private static IEnumerable<KernelDriver> Drivers(PlanningContext context, InstalledKernel kernel)
        => context.Target.BootDrivers.Append(Checksum).Append(FileSystemDriver(kernel, context.Devices.Root?.Type ?? "")).Select(kernel.Driver).Where(driver => driver.Form == DriverForm.Module);

    // ext4 mounts the older two where the kernel has no driver of their own for them.
    private static string FileSystemDriver(InstalledKernel kernel, string type) => type is "ext2" or "ext3" && kernel.Driver(type).Form == DriverForm.Missing ? "ext4" : type;

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];
}
