using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>
/// Everything that planning may know of a guest, found by reading its files. A saved copy (facts.json) is enough to make the same plan again, without the guest.
/// </summary>
public sealed record GuestFacts
{
    /// <summary>Version of this document's form.</summary>
    public int FormatVersion { get; init; } = 1;

    /// <summary>The machine as its source describes it.</summary>
    public required VirtualMachine Machine { get; init; }

    /// <summary>Partition tables, one record a disk, in the machine's order.</summary>
    public ImmutableArray<DiskFacts> Disks { get; init; } = [];

    /// <summary>Partitions and unpartitioned disks with what they hold.</summary>
    public ImmutableArray<VolumeFacts> Volumes { get; init; } = [];

    /// <summary>Volume groups of LVM2.</summary>
    public ImmutableArray<VolumeGroupFacts> VolumeGroups { get; init; } = [];

    /// <summary>Why the root file system cannot be read, so that only what is on /boot is known; null when it can.</summary>
    public string? RootSealedBecause { get; init; }

    /// <summary>Distribution, version, architecture.</summary>
    public required OperatingSystem OperatingSystem { get; init; }

    /// <summary>Lines of fstab, resolved to volumes where possible.</summary>
    public ImmutableArray<MountPoint> MountPoints { get; init; } = [];

    /// <summary>Kernels that could be booted, the best default first.</summary>
    public ImmutableArray<InstalledKernel> Kernels { get; init; } = [];

    /// <summary>Boot loader configuration files, the one in effect first.</summary>
    public ImmutableArray<BootConfiguration> BootConfigurations { get; init; } = [];

    /// <summary>Network interfaces that the guest configures.</summary>
    public ImmutableArray<NetworkInterface> NetworkInterfaces { get; init; } = [];

    /// <summary>Software of the source hypervisor found in the guest.</summary>
    public ImmutableArray<HypervisorTool> HypervisorTools { get; init; } = [];

    /// <summary>Terminals on which a login is offered: hvc0, tty1, ttyS0.</summary>
    public ImmutableArray<string> LoginTerminals { get; init; } = [];

    /// <summary>SELinux mode from /etc/selinux/config: enforcing, permissive, disabled; null when there is no such file.</summary>
    public string? SelinuxMode { get; init; }

    /// <summary>Guest path of the SELinux policy's file_contexts, see selinux_config(5); null when there is none.</summary>
    public string? SelinuxFileContexts { get; init; }

    /// <summary>Boot loaders that were recognised and are not edited: LILO, unified kernel images; with the file by which each is known.</summary>
    public ImmutableArray<string> OtherBootLoaders { get; init; } = [];

    /// <summary>Guest paths of the programs on the EFI system partition that are two directories deep: /boot/efi/EFI/debian/shimx64.efi.</summary>
    public ImmutableArray<string> EfiPrograms { get; init; } = [];

    /// <summary>Directory of the guest's own GRUB 2 BIOS modules; null when it has none.</summary>
    public string? GrubModulesPath { get; init; }

    /// <summary>Directory of the guest's own GRUB 2 modules for UEFI on x86-64; null when it has none.</summary>
    public string? GrubEfiModulesPath { get; init; }

    /// <summary>The files that conversion steps read, by the path they ask for. A path that is absent here is absent in the guest.</summary>
    public ImmutableSortedDictionary<string, GuestFile> Files { get; init; } = ImmutableSortedDictionary<string, GuestFile>.Empty.WithComparers(StringComparer.Ordinal);

    /// <summary>What a Windows guest has beyond that; null for others.</summary>
    public WindowsFacts? Windows { get; init; }

    /// <summary>Packages that the operator supplied; what they bring is in the facts already. Null when there are none.</summary>
    public ImmutableArray<SuppliedPackage>? Packages { get; init; }

    /// <summary>What was made for them beside their own files. Null when there are none.</summary>
    public ImmutableArray<PreparedFile>? Prepared { get; init; }

    /// <summary>What the operator should know.</summary>
    public ImmutableArray<Diagnostic> Findings { get; init; } = [];
}
