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

    public static ConversionPlan Plan(GuestFacts facts) => Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions());

    /// <summary>The content a file will have after the plan; null when the plan does not touch it.</summary>
    public static string? After(this ConversionPlan plan, string path) => plan.Changes.Select(change => change switch
    {
        WriteFile write when write.Path == path => write.Content,
        EditFile edit when edit.Path == path => edit.Content,
        _ => null,
    }).LastOrDefault(content => content is not null);

    private static VirtualDisk Disk(string id, string device, long length) => new() { Id = id, DeviceName = device, LengthBytes = length };
}
