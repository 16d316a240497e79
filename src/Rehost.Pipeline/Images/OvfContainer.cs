using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Hypervisors.Ovf;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline.Images;

/// <summary>The disks of an OVF package, in an OVA or a folder, read in place. Those that are kept are compared with the manifest while they are read.</summary>
internal sealed class OvfContainer : IDiskContainer
{
    private readonly OvfPackage _package;
    private readonly ImmutableArray<IBlockDevice> _disks;
    private ManifestVerification? _verification;

    /// <summary>Opens the disks.</summary>
    /// <param name="package">Where they are; owned by the container, also when opening fails.</param>
    /// <param name="cancellationToken">Stops the opening.</param>
    public OvfContainer(OvfPackage package, CancellationToken cancellationToken)
    {
        _package = package;
        try
        {
            _disks = _package.OpenDisks(cancellationToken);
            Disks = [.. _package.Machine.Disks.Select(disk => new ContainedDisk(disk.Id, disk.DeviceName, disk.LengthBytes))];
        }
        catch
        {
            _package.Dispose();
            throw;
        }
    }

    public ImmutableArray<ContainedDisk> Disks { get; }

    public IReadOnlyCollection<string> HostFiles => _package.HostFiles;

    public IBlockDevice Open(ContainedDisk disk)
    {
        _verification ??= ManifestVerification.Start(_package);
        return _disks[Disks.IndexOf(disk)];
    }

    public void EnsureVerified() => _verification?.Demand();

    public void Dispose()
    {
        foreach (var disk in _disks)
        {
            disk.Dispose();
        }

        if (_verification is null)
        {
            _package.Dispose();
        }
        else
        {
            _verification.Dispose();
        }
    }
}
