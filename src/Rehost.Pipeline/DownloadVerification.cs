using System.Collections.Immutable;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;

namespace Rehost.Pipeline;

/// <summary>Looks at an export that is only stored: its description is read, its chunks are counted, its content goes by.</summary>
/// <param name="name">What to call it in messages.</param>
internal sealed class DownloadVerification(string name) : IXvaReceiver
{
    private XenServerExport? _export;

    public void Describe(ReadOnlyMemory<byte> ovaXml) => _export = OvaXml.Parse(ovaXml, $"{name}/ova.xml");

    public void Receive(string disk, long position, ReadOnlySpan<byte> data)
    {
    }

    /// <summary>Sizes of the machine's disks.</summary>
    /// <param name="ends">Where each disk's chunks ended.</param>
    /// <exception cref="Model.DiagnosticException">They do not end where the disk does (XVA008, XVA009, XVA011).</exception>
    public ImmutableArray<long> DisksOf(IReadOnlyDictionary<string, long> ends)
    {
        foreach (var disk in _export?.Machine.Disks ?? [])
        {
            XvaStream.DemandWhole(disk.Id, disk.LengthBytes, ends, name);
        }

        return [.. (_export?.Machine.Disks ?? []).Select(disk => disk.LengthBytes)];
    }
}
