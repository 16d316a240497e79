using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Model;
using OperatingSystem = Rehost.Model.OperatingSystem;

namespace Rehost.Planning.Tests;

/// <summary>Facts of guests as inspection finds them, built up by each test.</summary>
internal static class SampleFacts
{
    public const string RootUuid = "11111111-2222-3333-4444-555555555555";
    public const string SwapUuid = "66666666-7777-8888-9999-aaaaaaaaaaaa";

    /// <summary>Debian 12 as a Xen PV guest: bare ext4 as xvda1, swap as xvda2.</summary>
    public static GuestFacts DebianPv(params GuestFile[] files) => new GuestFacts
    {
        Machine = new VirtualMachine
        {
            Name = "web01",
            Hypervisor = Hypervisor.Xen,
            Mode = VirtualizationMode.Paravirtual,
            MemoryBytes = 512L << 20,
            VirtualCpus = 2,
            Disks = [Disk("root", "xvda1", 1L << 30), Disk("swap", "xvda2", 128L << 20)],
            NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:00:00:01", Network = "xenbr0" }],
        },
        Disks =
        [
            new DiskFacts { DiskId = "root", DeviceName = "xvda1", LengthBytes = 1L << 30, Scheme = PartitionScheme.None },
            new DiskFacts { DiskId = "swap", DeviceName = "xvda2", LengthBytes = 128L << 20, Scheme = PartitionScheme.None },
        ],
        Volumes =
        [
            new VolumeFacts { DeviceName = "xvda1", DiskId = "root", LengthBytes = 1L << 30, Content = VolumeContent.FileSystem, Type = "ext4", Uuid = RootUuid, MountPath = "/" },
            new VolumeFacts { DeviceName = "xvda2", DiskId = "swap", LengthBytes = 128L << 20, Content = VolumeContent.Swap, Type = "swap", Uuid = SwapUuid },
        ],
        OperatingSystem = new OperatingSystem { Id = "debian", Name = "Debian GNU/Linux 12 (bookworm)", Version = "12", Family = DistributionFamily.Debian, Architecture = "x86_64", Init = InitSystem.Systemd, HasLinkFiles = true },
        Kernels = [Kernel("6.1.0-50-amd64", isDefault: true)],
        BootConfigurations = [new BootConfiguration { Kind = BootConfigurationKind.Grub2, Path = "/boot/grub/grub.cfg", Entries = [new BootEntry("Debian", "/boot/vmlinuz-6.1.0-50-amd64", "/boot/initrd.img-6.1.0-50-amd64", "root=/dev/xvda1 ro console=hvc0", "6.1.0-50-amd64")] }],
        NetworkInterfaces = [new NetworkInterface("eth0", "/etc/network/interfaces", "static", ["192.0.2.10/24"], "00:16:3e:00:00:01")],
        LoginTerminals = ["hvc0"],
    } with { Files = Files(files) };

    public static ImmutableSortedDictionary<string, GuestFile> Files(params GuestFile[] files)
        => files.ToImmutableSortedDictionary(file => file.Path, file => file, StringComparer.Ordinal);

    public static GuestFile Text(string path, string text) => new()
    {
        Path = path,
        Kind = GuestFileKind.File,
        Text = text,
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(GuestText.Encode(text))),
        Permissions = 0x1A4,
    };

    public static GuestFile Link(string path, string target) => new() { Path = path, Kind = GuestFileKind.Link, LinkTarget = target };

    public static InstalledKernel Kernel(string version, bool isDefault = false, DriverForm virtio = DriverForm.Module, InitramfsGenerator generator = InitramfsGenerator.InitramfsTools) => new()
    {
        Version = version,
        ImagePath = $"/boot/vmlinuz-{version}",
        ModulesPath = $"/lib/modules/{version}",
        IsDefault = isDefault,
        Initramfs = new InitramfsFacts { Path = $"/boot/initrd.img-{version}", LengthBytes = 1 << 20, Sha256 = new string('0', 64), Generator = generator },
        Drivers =
        [
            new KernelDriver("virtio_pci", virtio, virtio == DriverForm.Module ? [$"/lib/modules/{version}/virtio.ko", $"/lib/modules/{version}/virtio_pci.ko"] : [], false),
            new KernelDriver("virtio_blk", virtio, virtio == DriverForm.Module ? [$"/lib/modules/{version}/virtio.ko", $"/lib/modules/{version}/virtio_blk.ko"] : [], false),
        ],
    };

    public static ConversionPlan Plan(GuestFacts facts) => Plan(facts, TargetCapabilities.Kvm);

    public static ConversionPlan Plan(GuestFacts facts, TargetCapabilities target) => Plan(facts, target, new ConversionOptions());

    public static ConversionPlan Plan(GuestFacts facts, TargetCapabilities target, ConversionOptions options) => Planner.Plan(facts, target, options);

    /// <summary>CentOS 5 on VMware: /boot and LVM, GRUB legacy, nash, a kernel for hardware and one for Xen; to move to Xen (S0) or KVM.</summary>
    public static GuestFacts CentOs5Vmware(params GuestFile[] files) => new GuestFacts
    {
        Machine = new VirtualMachine
        {
            Name = "db01",
            Hypervisor = Hypervisor.Vmware,
            Mode = VirtualizationMode.Hardware,
            Firmware = Firmware.Bios,
            MemoryBytes = 512L << 20,
            Disks = [Disk("disk", "sda", 8L << 30)],
            NetworkAdapters = [new NetworkAdapter { MacAddress = "00:0c:29:00:00:01" }],
        },
        Disks = [new DiskFacts { DiskId = "disk", DeviceName = "sda", LengthBytes = 8L << 30, Scheme = PartitionScheme.Mbr, TableId = "0000abcd", FirstPartitionOffset = 63 * 512, HasBootCode = true }],
        Volumes =
        [
            new VolumeFacts { DeviceName = "sda1", DiskId = "disk", PartitionNumber = 1, Offset = 63 * 512, LengthBytes = 100L << 20, Content = VolumeContent.FileSystem, Type = "ext3", Uuid = SwapUuid, Label = "/boot", MountPath = "/boot" },
            new VolumeFacts { DeviceName = "sda2", DiskId = "disk", PartitionNumber = 2, Offset = 200L << 20, LengthBytes = 7L << 30, Content = VolumeContent.Other, Type = "LVM2_member", PartOf = "VolGroup00" },
            new VolumeFacts { DeviceName = "VolGroup00/LogVol00", DiskId = "disk", LengthBytes = 6L << 30, Content = VolumeContent.FileSystem, Type = "ext3", Uuid = RootUuid, MountPath = "/", Kind = VolumeKind.LogicalVolume, BuiltOn = ["sda2"] },
        ],
        OperatingSystem = new OperatingSystem { Id = "centos", Name = "CentOS release 5.3 (Final)", Version = "5.3", Family = DistributionFamily.RedHat, Architecture = "x86_64", Init = InitSystem.SysVinit },
        Kernels = [Kernel5("2.6.18-128.2.1.el5", isDefault: true), Kernel5("2.6.18-128.2.1.el5xen")],
        BootConfigurations =
        [
            new BootConfiguration
            {
                Kind = BootConfigurationKind.GrubLegacy,
                Path = "/boot/grub/menu.lst",
                Entries =
                [
                    new BootEntry("CentOS (2.6.18-128.2.1.el5)", "/vmlinuz-2.6.18-128.2.1.el5", "/initrd-2.6.18-128.2.1.el5.img", "ro root=/dev/VolGroup00/LogVol00 rhgb quiet", "2.6.18-128.2.1.el5"),
                    new BootEntry("CentOS (2.6.18-128.2.1.el5xen)", "/vmlinuz-2.6.18-128.2.1.el5xen", "/initrd-2.6.18-128.2.1.el5xen.img", "ro root=/dev/VolGroup00/LogVol00 rhgb quiet", "2.6.18-128.2.1.el5xen"),
                ],
            },
        ],
        NetworkInterfaces = [new NetworkInterface("eth0", "/etc/sysconfig/network-scripts/ifcfg-eth0", "none", ["192.0.2.10/255.255.255.0"], "00:0c:29:00:00:01")],
    } with { Files = Files(files) };

    public const string Nash5 = """
        #!/bin/nash

        mount -t proc /proc /proc
        setquiet
        echo Mounting proc filesystem
        mount -t sysfs /sys /sys
        mkblkdevs
        echo "Loading ehci-hcd.ko module"
        insmod /lib/ehci-hcd.ko 
        echo "Loading scsi_mod.ko module"
        insmod /lib/scsi_mod.ko 
        echo "Loading sd_mod.ko module"
        insmod /lib/sd_mod.ko 
        echo "Loading mptspi.ko module"
        insmod /lib/mptspi.ko 
        echo Waiting for driver initialization.
        stabilized --hash --interval 250 /proc/scsi/scsi
        echo "Loading dm-mod.ko module"
        insmod /lib/dm-mod.ko 
        lvm vgscan --ignorelockingfailure
        resume /dev/sda3
        echo Creating root device.
        mkrootdev -t ext3 -o defaults,ro /dev/VolGroup00/LogVol00
        mount /sysroot
        switchroot

        """;

    private static InstalledKernel Kernel5(string version, bool isDefault = false)
    {
        var isXen = version.EndsWith("xen", StringComparison.Ordinal);
        KernelDriver Module(string name, bool isThere, params string[] needs)
            => new(name, DriverForm.Module, [.. needs.Append(name).Select(one => $"/lib/modules/{version}/{one.Replace('_', '-')}.ko")], isThere);
        return new InstalledKernel
        {
            Version = version,
            ImagePath = $"/boot/vmlinuz-{version}",
            ModulesPath = $"/lib/modules/{version}",
            IsDefault = isDefault,
            RequiresXen = isXen,
            ParavirtualAbi = isXen ? "x86_64" : null,
            Initramfs = new InitramfsFacts { Path = $"/boot/initrd-{version}.img", LengthBytes = 1 << 20, Sha256 = new string('0', 64), Generator = InitramfsGenerator.Nash, InitPath = "init", InitScript = Nash5 },
            Drivers = isXen
                ? [Module("xenblk", false), Module("xennet", false), Module("ext3", true, "jbd")]
                : [Module("virtio_pci", false, "virtio_ring", "virtio"), Module("virtio_blk", false, "virtio_ring", "virtio"), Module("virtio_net", false, "virtio_ring", "virtio"), Module("mptspi", true), Module("sd_mod", true, "scsi_mod"), Module("e1000", false), Module("ext3", true, "jbd")],
        };
    }

    /// <summary>The content a file will have after the plan; null when the plan does not touch it.</summary>
    public static string? After(this ConversionPlan plan, string path) => plan.Changes.Select(change => change switch
    {
        WriteFile write when write.Path == path => write.Content,
        EditFile edit when edit.Path == path => edit.Content,
        _ => null,
    }).LastOrDefault(content => content is not null);

    private static VirtualDisk Disk(string id, string device, long length) => new() { Id = id, DeviceName = device, LengthBytes = length };
}
