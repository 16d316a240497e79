namespace Rehost.Hypervisors.Ovf;

/// <summary>What a new package should be like.</summary>
public sealed record OvfWriterOptions
{
    /// <summary>Format of the disks: vmdk (streamOptimized, what every importer takes), vhd, qcow2 or raw.</summary>
    public string DiskFormat { get; init; } = "vmdk";

    /// <summary>Virtual hardware: 10 is ESXi 5.5, the oldest with UEFI and vmxnet3 that is still met.</summary>
    public int HardwareVersion { get; init; } = 10;

    /// <summary>Controller of the disks: lsilogic, which every guest since 2000 knows, VirtualSCSI (pvscsi), lsilogicsas, buslogic, or ahci (SATA, from hardware 10 on).</summary>
    public string DiskController { get; init; } = "lsilogic";

    /// <summary>Model of network adapters that name none of VMware's: E1000 or VmxNet3.</summary>
    public string NetworkModel { get; init; } = "E1000";

    /// <summary>VMware's name of the guest's system (ubuntu64Guest); null for one that is not known.</summary>
    public string? OperatingSystem { get; init; }
}
