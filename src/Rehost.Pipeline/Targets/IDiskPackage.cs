using Rehost.DiskFormats;

namespace Rehost.Pipeline.Targets;

/// <summary>One file with all disks of a machine.</summary>
internal interface IDiskPackage : IDisposable
{
    /// <summary>Starts the next disk, in the machine's order. It is finished by its own <see cref="IImageWriter.Complete"/>.</summary>
    IImageWriter BeginDisk(long length);

    /// <summary>Writes what is still missing.</summary>
    void Complete(CancellationToken cancellationToken);
}
