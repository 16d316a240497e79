using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>The machine around a disk that is packed alone: one processor and 1 GiB, which whoever imports it sets as it should be.</summary>
internal static class OvfImageMachine
{
    /// <summary>Describes it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="length">Bytes of the disk.</param>
    public static VirtualMachine Of(string name, long length) => new()
    {
        Name = name,
        Hypervisor = Hypervisor.Unknown,
        MemoryBytes = 1L << 30,
        VirtualCpus = 1,
        Disks = [new VirtualDisk { Id = "disk1", DeviceName = "sda", LengthBytes = length, IsBootable = true }],
    };
}
