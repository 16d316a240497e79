using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>The disks of an XVA. What ova.xml says of their size is needed: the chunks do not tell where a disk ends.</summary>
internal sealed class XvaContainer : IDiskContainer
{
    private readonly XvaArchive _archive;

    public XvaContainer(IBlockDevice file, string name, CancellationToken cancellationToken)
    {
        _archive = XvaArchive.Open(file, name, ownsFile: true, scratchDirectory: null, cancellationToken);
        try
        {
            Disks = [.. OvaXml.Parse(_archive.OvaXml, $"{name}/ova.xml").Machine.Disks.Select(disk => new ContainedDisk(disk.Id, disk.DeviceName, disk.LengthBytes))];
        }
        catch
        {
            _archive.Dispose();
            throw;
        }
    }

    public ImmutableArray<ContainedDisk> Disks { get; }

    /// <summary>Why a host would not import it.</summary>
    public ImmutableArray<Diagnostic> ImportFaults => [.. _archive.ImportFaults, .. ImportRules.Check(_archive.OvaXml, $"{_archive.Name}/ova.xml")];

    public IBlockDevice Open(ContainedDisk disk) => _archive.OpenDisk(disk.Id, disk.LengthBytes);

    public void Dispose() => _archive.Dispose();
}
