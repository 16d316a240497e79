using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>A disk of a Xen configuration and where it was found on this machine.</summary>
/// <param name="Disk">The disk in common words.</param>
/// <param name="HostPath">The file or block device that holds it.</param>
/// <param name="Format">raw, qcow2, vhd …: as the configuration declares it; a declared format beats a guessed one.</param>
/// <param name="Specification">The entry of the configuration.</param>
public sealed record XenSourceDisk(VirtualDisk Disk, string HostPath, string Format, XenDiskSpecification Specification);
