using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>An XVA of XenServer or XCP-ng, read in place: nothing is unpacked.</summary>
internal sealed class XvaSourceKind : ISourceKind
{
    private static readonly XvaFormat Format = new();

    public string Name => "xva";

    public bool Identify(string path, ReadOnlySpan<byte> head) => path.EndsWith(".xva", StringComparison.OrdinalIgnoreCase) || Format.Identify(head, []);

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var file = SourceFile.Of(request.Path);
        var name = Path.GetFileName(request.Path);
        var archive = XvaArchive.Open(FileDevice.OpenRead(request.Path), name, cancellationToken: cancellationToken);
        try
        {
            var export = OvaXml.Parse(archive.OvaXml, $"{name}/ova.xml");
            var disks = export.Machine.Disks.Select(disk => (IBlockDevice)archive.OpenDisk(disk.Id, disk.LengthBytes)).ToImmutableArray();
            return new OpenSource(Name, export.Machine, disks, [file], [.. export.Findings, .. FindingsOf(archive)]) { Container = archive };
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    private static IEnumerable<Diagnostic> FindingsOf(XvaArchive archive)
    {
        if (archive.ScratchBytes > 0)
        {
            yield return XvaDiagnostics.Decompressed.Create(
                string.Create(CultureInfo.InvariantCulture, $"its content takes {(archive.ScratchBytes >> 20) + 1} MiB of scratch room in {Path.GetTempPath()} while it is read"), archive.Name);
        }
    }
}
