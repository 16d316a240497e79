using System.Globalization;
using System.Text;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>What OVA and folder have in common when they are written.</summary>
internal static class OvfPackageNames
{
    /// <summary>The file of a disk.</summary>
    public static string Disk(string stem, int index, OvfWriterOptions options)
        => string.Create(CultureInfo.InvariantCulture, $"{stem}-disk{index + 1}{KnownDiskFormats.ByName(options.DiskFormat).Extension}");

    /// <summary>A manifest as ovftool writes it.</summary>
    public static byte[] Manifest(IEnumerable<(string Name, byte[] Digest)> files)
        => Encoding.UTF8.GetBytes(string.Concat(files.Select(file => $"SHA256({file.Name})= {Convert.ToHexStringLower(file.Digest)}\n")));

    /// <summary>Refuses machines that do not fit.</summary>
    /// <exception cref="DiagnosticException">There are too many disks (OVF018).</exception>
    public static void Demand(VirtualMachine machine, string where)
    {
        if (machine.Disks.Length > OvfDescriptorWriter.DiskLimit)
        {
            throw OvfDiagnostics.CannotWrite.ToException($"the machine has {machine.Disks.Length} disks, four controllers hold {OvfDescriptorWriter.DiskLimit}", where);
        }
    }
}
