using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Xva;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>All disks in an XVA.</summary>
internal sealed class XvaPackage : IDiskPackage
{
    private readonly XvaWriter _writer;
    private readonly OvaXmlDescription _description;
    private int _next;

    public XvaPackage(IImageFile file, VirtualMachine machine, XvaWriterOptions options, OvaXmlOptions release)
    {
        _writer = new XvaWriter(file, options);
        _description = OvaXmlWriter.Describe(machine, release);
        _writer.WriteDescription(_description.Xml.Span);
    }

    public IImageWriter BeginDisk(long length) => _writer.BeginDisk(_description.DiskIds[_next++], length);

    public void Complete(CancellationToken cancellationToken) => _writer.Complete(cancellationToken);

    public void Dispose() => _writer.Dispose();
}
