using System.Text.RegularExpressions;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>
/// Disks copied from a storage repository of XenServer or XCP-ng: a directory of UUID.vhd (file-based: ext, NFS) or of VHD-UUID and LV-UUID (logical volumes, by their names), with the
/// chains that snapshots make. Which machine has which disk is not in it: --vdi names them in the machine's order.
/// </summary>
internal sealed partial class StorageRepositorySourceKind : ISourceKind
{
    private const int MostListed = 20;

    private static readonly DiskSourceKind Disks = new();

    public string Name => "sr";

    public bool Identify(string path, ReadOnlySpan<byte> head) => false; // a directory, which has no head: KnownSources asks before it reads

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var files = Directory.EnumerateFiles(request.Path).Select(path => (Path: path, Match: FileName().Match(System.IO.Path.GetFileName(path)))).Where(file => file.Match.Success)
            .OrderBy(file => file.Path, StringComparer.Ordinal).ToLookup(file => file.Match.Groups["uuid"].Value, file => file.Path, StringComparer.OrdinalIgnoreCase);
        var found = string.Join(", ", files.Select(file => file.Key).Take(MostListed));
        if (request.Vdis.IsEmpty && files.Count != 1)
        {
            throw XenServerDiagnostics.NoVdi.ToException(files.Count == 0 ? "no file is called UUID.vhd, VHD-UUID or LV-UUID" : $"{files.Count} disks are there, snapshots and their parents among them: {found}", request.Path);
        }

        var wanted = request.Vdis.IsEmpty ? [.. files.Select(file => file.Key)] : request.Vdis;
        var paths = wanted.Select(uuid => files[uuid].FirstOrDefault() ?? throw XenServerDiagnostics.NoVdi.ToException($"'{uuid}' is none of {found}", request.Path)).ToList();

        // A name that says what it is beats a guess: a guest can write the end of a VHD onto its own raw disk.
        var formats = paths.Select(path => System.IO.Path.GetFileName(path).StartsWith("LV-", StringComparison.Ordinal) ? "raw" : "vhd").Distinct().ToList();
        if (formats.Count > 1)
        {
            throw XenServerDiagnostics.NoVdi.ToException("raw volumes (LV-) and VHD together are not read: convert the raw ones with `rehost image convert` first", request.Path);
        }

        var opened = Disks.Open(request with
        {
            Path = paths[0],
            DiskFormat = request.DiskFormat ?? formats[0],
            MoreDisks = [.. paths.Skip(1).Select(path => new BareDisk(path)), .. request.MoreDisks],
            Name = request.Name ?? wanted[0],
        }, cancellationToken);
        return opened with { Kind = Name, Machine = opened.Machine with { Hypervisor = Hypervisor.XenServer } };
    }

    [GeneratedRegex(@"^((VHD-|LV-)(?<uuid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?<uuid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.vhd)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex FileName();
}
