using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>All disks in an OVA.</summary>
internal sealed class OvaPackage(IImageFile file, VirtualMachine machine, OvfWriterOptions options) : IDiskPackage
{
    private readonly OvaWriter _writer = new(file, machine, options);

    public IImageWriter BeginDisk(long length) => _writer.BeginDisk(length);

    public void Complete(CancellationToken cancellationToken) => _writer.Complete(cancellationToken);

    public void Dispose() => _writer.Dispose();
}
