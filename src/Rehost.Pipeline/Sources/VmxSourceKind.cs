using Rehost.Hypervisors.Vmware;

namespace Rehost.Pipeline.Sources;

/// <summary>A machine of VMware as its files lie on a datastore: .vmx and .vmdk.</summary>
internal sealed class VmxSourceKind : ISourceKind
{
    public string Name => "vmx";

    public bool Identify(string path, ReadOnlySpan<byte> head) => path.EndsWith(".vmx", StringComparison.OrdinalIgnoreCase) && !head.Contains((byte)0);

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var source = VmxSource.Open(request.Path, request.AllowedPaths);
        var disks = source.OpenDisks();
        return new OpenSource(Name, source.Machine, disks, [SourceFile.Of(request.Path), .. source.HostFiles.Select(SourceFile.Of)], source.Findings);
    }
}
