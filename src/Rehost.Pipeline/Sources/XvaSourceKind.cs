using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;

namespace Rehost.Pipeline.Sources;

/// <summary>An XVA of XenServer or XCP-ng, read in place: nothing is unpacked.</summary>
internal sealed class XvaSourceKind : ISourceKind
{
    private static readonly XvaFormat Format = new();

    public string Name => "xva";

    public bool Identify(string path, ReadOnlySpan<byte> head) => Format.Identify(head, []) || path.EndsWith(".xva", StringComparison.OrdinalIgnoreCase);

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var file = SourceFile.Of(request.Path);
        var name = Path.GetFileName(request.Path);
        var archive = XvaArchive.Open(FileDevice.OpenRead(request.Path), name, ownsFile: true, cancellationToken);
        try
        {
            var export = OvaXml.Parse(archive.OvaXml, $"{name}/ova.xml");
            var disks = export.Machine.Disks.Select(disk => (IBlockDevice)archive.OpenDisk(disk.Id, disk.LengthBytes)).ToImmutableArray();
            return new OpenSource(Name, export.Machine, disks, [file], export.Findings) { Container = archive };
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }
}
