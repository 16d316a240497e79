using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>Receives an export: its machine's disks land one by one while it passes. What else it holds, the disks of snapshots, is verified and dropped.</summary>
/// <param name="name">What to call the export in messages.</param>
/// <param name="directory">Directory for the files.</param>
/// <param name="format">Format that disks land in.</param>
/// <param name="progress">Told the bytes received.</param>
internal sealed class XvaLanding(string name, string directory, string format, Action<long> progress) : IXvaReceiver, IDisposable
{
    private readonly Dictionary<string, LandedDisk> _disks = new(StringComparer.Ordinal);
    private long _received;

    /// <summary>The machine, known since the beginning of the stream.</summary>
    public XenServerExport? Export { get; private set; }

    public void Describe(ReadOnlyMemory<byte> ovaXml)
    {
        Export = OvaXml.Parse(ovaXml, $"{name}/ova.xml");
        foreach (var (disk, number) in Export.Machine.Disks.Select((disk, index) => (disk, index)))
        {
            _disks[disk.Id] = LandedDisk.Create(directory, number, format, disk.LengthBytes);
        }
    }

    public void Receive(string disk, long position, ReadOnlySpan<byte> data)
    {
        if (_disks.TryGetValue(disk, out var landed))
        {
            if (data.Length > landed.Length - position)
            {
                throw XvaDiagnostics.DiskTooLong.ToException(string.Create(CultureInfo.InvariantCulture, $"a chunk ends at {position + data.Length}, the disk has {landed.Length} bytes"), $"{name}, disk {disk}");
            }

            landed.Land(position, data);
        }

        progress(_received += data.Length);
    }

    /// <summary>Hands the disks over in the machine's order, after the stream is over.</summary>
    /// <param name="ends">Where each disk's chunks ended.</param>
    /// <exception cref="DiagnosticException">One is not complete (XVA008, XVA011).</exception>
    public ImmutableArray<IBlockDevice> Complete(IReadOnlyDictionary<string, long> ends)
    {
        foreach (var (id, disk) in _disks)
        {
            XvaStream.DemandWhole(id, disk.Length, ends, name);
            disk.Hashes.Complete(disk.Length);
        }

        ImmutableArray<IBlockDevice> disks = [.. (Export?.Machine.Disks ?? []).Select(disk => (IBlockDevice)_disks[disk.Id])];
        _disks.Clear();
        return disks;
    }

    public void Dispose()
    {
        foreach (var disk in _disks.Values)
        {
            disk.Dispose();
        }
    }
}
