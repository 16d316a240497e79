using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>The drivers of one kernel: modules.dep and modules.builtin of kmod (modules.dep(5)), and the kernel's configuration.</summary>
internal sealed class KernelModules
{
    private const int MaximumIndex = 16 << 20;
    private const int MaximumLoadOrder = 512;

    /// <summary>The drivers that matter for a change of hypervisor, with the option that compiles them in.</summary>
    private static readonly (string Name, string Option)[] Relevant =
    [
        ("virtio", "VIRTIO"), ("virtio_ring", "VIRTIO"), ("virtio_pci", "VIRTIO_PCI"), ("virtio_blk", "VIRTIO_BLK"), ("virtio_scsi", "SCSI_VIRTIO"), ("virtio_net", "VIRTIO_NET"),
        ("virtio_rng", "HW_RANDOM_VIRTIO"), ("virtio_balloon", "VIRTIO_BALLOON"), ("virtio_console", "VIRTIO_CONSOLE"), ("virtio_gpu", "DRM_VIRTIO_GPU"), ("virtio_input", "VIRTIO_INPUT"),
        ("xen_blkfront", "XEN_BLKDEV_FRONTEND"), ("xen_netfront", "XEN_NETDEV_FRONTEND"), ("xenblk", "XEN_BLKDEV_FRONTEND"), ("xennet", "XEN_NETDEV_FRONTEND"),
        ("xen_vbd", "XEN_BLKDEV_FRONTEND"), ("xen_vnif", "XEN_NETDEV_FRONTEND"),
        ("vmw_pvscsi", "VMWARE_PVSCSI"), ("vmxnet3", "VMXNET3"), ("mptspi", "FUSION_SPI"), ("mptscsih", "FUSION"), ("mptsas", "FUSION_SAS"), ("BusLogic", "SCSI_BUSLOGIC"),
        ("ahci", "SATA_AHCI"), ("ata_piix", "ATA_PIIX"), ("piix", "BLK_DEV_PIIX"), ("ide_disk", "BLK_DEV_IDEDISK"), ("nvme", "BLK_DEV_NVME"), ("sd_mod", "BLK_DEV_SD"), ("sym53c8xx", "SCSI_SYM53C8XX_2"),
        ("e1000", "E1000"), ("e1000e", "E1000E"), ("pcnet32", "PCNET32"), ("8139cp", "8139CP"), ("8139too", "8139TOO"), ("hv_storvsc", "HYPERV_STORAGE"), ("hv_netvsc", "HYPERV_NET"),
        ("ext2", "EXT2_FS"), ("ext3", "EXT3_FS"), ("ext4", "EXT4_FS"), ("xfs", "XFS_FS"), ("btrfs", "BTRFS_FS"), ("reiserfs", "REISERFS_FS"), ("jfs", "JFS_FS"), ("vfat", "VFAT_FS"),
        ("dm_mod", "BLK_DEV_DM"), ("crc32c_generic", "CRYPTO_CRC32C"),
    ];

    private static readonly string[] Suffixes = [".ko", ".ko.gz", ".ko.xz", ".ko.zst", ".ko.bz2"];

    private readonly string _directory;
    private readonly Dictionary<string, (string Path, string[] Needs)> _modules;
    private readonly HashSet<string> _builtIn;
    private readonly Dictionary<string, string> _options;

    private KernelModules(string directory, Dictionary<string, (string Path, string[] Needs)> modules, HashSet<string> builtIn, Dictionary<string, string> options)
        => (_directory, _modules, _builtIn, _options) = (directory, modules, builtIn, options);

    /// <summary>Reads the files of a kernel.</summary>
    /// <param name="reader">The guest.</param>
    /// <param name="directory">Its modules directory; null when there is none.</param>
    /// <param name="configuration">Text of its configuration; null when there is none.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static KernelModules Read(GuestReader reader, string? directory, string? configuration, CancellationToken cancellationToken)
    {
        // A kernel package unpacked by hand, or depmod interrupted by a full disk: then the modules themselves say what they need.
        var index = directory is null ? null : ReadIndex(reader, directory + "/modules.dep") is { Length: > 0 } written ? written : ModuleScan.MakeIndex(reader, directory, cancellationToken);
        var builtIn = directory is null ? null : ReadIndex(reader, directory + "/modules.builtin");
        return Parse(directory ?? "", index ?? "", builtIn ?? "", configuration ?? "");
    }

    /// <summary>As <see cref="Read"/>, from texts.</summary>
    public static KernelModules Parse(string directory, string index, string builtIn, string configuration)
    {
        var modules = new Dictionary<string, (string Path, string[] Needs)>(StringComparer.Ordinal);
        foreach (var (_, line) in GuestLines.Effective(index))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && NameOf(line[..colon]) is { } name)
            {
                modules.TryAdd(name, (line[..colon], GuestLines.Words(line[(colon + 1)..])));
            }
        }

        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (_, line) in GuestLines.Effective(configuration))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && line.StartsWith("CONFIG_", StringComparison.Ordinal))
            {
                options[line["CONFIG_".Length..equals]] = line[(equals + 1)..];
            }
        }

        return new KernelModules(directory, modules, [.. GuestLines.Effective(builtIn).Select(line => NameOf(line.Text)).OfType<string>()], options);
    }

    /// <summary>The name of a module file, with underscores; null when it is none.</summary>
    public static string? NameOf(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        var suffix = Suffixes.FirstOrDefault(one => name.EndsWith(one, StringComparison.Ordinal));
        return suffix is null || name.Length == suffix.Length ? null : name[..^suffix.Length].Replace('-', '_');
    }

    /// <summary>Whether an option of the configuration is set to y.</summary>
    public bool IsSet(string option) => _options.GetValueOrDefault(option) == "y";

    /// <summary>The names of the drivers that matter.</summary>
    public static IEnumerable<string> RelevantNames => Relevant.Select(driver => driver.Name);

    /// <summary>Whether the configuration is known.</summary>
    public bool HasConfiguration => _options.Count > 0;

    /// <summary>The drivers that matter, those the kernel has in any form.</summary>
    public ImmutableArray<KernelDriver> Drivers(IReadOnlySet<string> inInitramfs)
        => [.. Relevant.Select(driver => Driver(driver.Name, driver.Option, inInitramfs)).Where(driver => driver.Form != DriverForm.Missing).OrderBy(driver => driver.Name, StringComparer.Ordinal)];

    private KernelDriver Driver(string name, string option, IReadOnlySet<string> inInitramfs)
    {
        if (_builtIn.Contains(name))
        {
            return new KernelDriver(name, DriverForm.BuiltIn, [], InInitramfs: true);
        }

        if (_modules.TryGetValue(name, out var module))
        {
            return new KernelDriver(name, DriverForm.Module, LoadOrder(module), inInitramfs.Contains(name));
        }

        // Where /lib/modules cannot be read, the initramfs still tells what it has.
        if (_modules.Count == 0 && inInitramfs.Contains(name))
        {
            return new KernelDriver(name, DriverForm.Module, [], InInitramfs: true);
        }

        // Kernels before 2.6.33 come without modules.builtin. xenblk and xen_blkfront share one option: a compiled-in one is known by its name of today.
        return IsSet(option) && name is not ("xenblk" or "xennet" or "xen_vbd" or "xen_vnif" or "mptscsih") ? new KernelDriver(name, DriverForm.BuiltIn, [], InInitramfs: true) : new KernelDriver(name, DriverForm.Missing, [], InInitramfs: false);
    }

    /// <summary>modules.dep lists the whole closure so that loading goes from right to left, then the module itself (depmod(8)).</summary>
    private ImmutableArray<string> LoadOrder((string Path, string[] Needs) module)
        => [.. module.Needs.Take(MaximumLoadOrder).Reverse().Append(module.Path).Select(path => path.StartsWith('/') ? path : $"{_directory}/{path}")];

    private static string? ReadIndex(GuestReader reader, string path)
        => reader.Find(path) is { Kind: FileSystems.NodeKind.File } file && file.Metadata.Length <= MaximumIndex ? reader.Tree.ReadText(path, MaximumIndex) : null;
}
