using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.Pipeline.Images;

/// <summary>A file that holds the disks of a machine.</summary>
internal interface IDiskContainer : IDisposable
{
    /// <summary>The disks, in the machine's order.</summary>
    ImmutableArray<ContainedDisk> Disks { get; }

    /// <summary>Further files of the host that were opened.</summary>
    IReadOnlyCollection<string> HostFiles => [];

    /// <summary>Opens one of them; it can be read as long as the container is open.</summary>
    IBlockDevice Open(ContainedDisk disk);

    /// <summary>Waits for checksums that are compared meanwhile; called before what was read is kept.</summary>
    /// <exception cref="Model.DiagnosticException">A file is not what its checksum says.</exception>
    void EnsureVerified()
    {
    }
}
