using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Remote.Ssh;
using Rehost.Remote.Xapi;

namespace Rehost.Pipeline.Sources;

/// <summary>The kinds of sources that Rehost reads.</summary>
public static class KnownSources
{
    private const int HeadLength = 64 * 1024;

    private static readonly ImmutableArray<ISourceKind> All =
    [
        new XvaSourceKind(),
        new OvfSourceKind(), // before the configurations: a descriptor is text with '=' in it, too
        new LibvirtSourceKind(), // as those
        new VmxSourceKind(),
        new XenSourceKind(),
        new StorageRepositorySourceKind(), // directories only
        new DiskSourceKind(), // last: any file may be a raw disk
    ];

    /// <summary>Names for --source-kind.</summary>
    public static ImmutableArray<string> Names { get; } = [.. All.Select(kind => kind.Name)];

    /// <summary>Whether a source is a machine on a host, not a file here.</summary>
    public static bool IsOnHost(string path) => XapiAddress.IsAddress(path) || SshAddress.IsAddress(path);

    /// <summary>Opens a source, read-only.</summary>
    /// <exception cref="Model.DiagnosticException">It is missing, damaged or of no known kind.</exception>
    public static OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var source = OpenKind(request, cancellationToken);
        return source with { Disks = [.. source.Disks.Select(request.Wrap).Select(disk => request.OnReadError == ReadErrorPolicy.Zero ? new BadSectorDevice(disk) : disk)] };
    }

    private static OpenSource OpenKind(SourceRequest request, CancellationToken cancellationToken)
    {
        if (XapiAddress.IsAddress(request.Path))
        {
            return XapiSource.Open(request, cancellationToken);
        }

        if (SshAddress.IsAddress(request.Path))
        {
            return XenSshSource.Open(request, cancellationToken);
        }

        var kind = request.Kind is { } name
            ? All.FirstOrDefault(candidate => candidate.Name == name) ?? throw PipelineDiagnostics.UnknownSource.ToException($"--source-kind {name} is none of {string.Join(", ", Names)}")
            : Directory.Exists(request.Path) ? All.First(candidate => candidate is StorageRepositorySourceKind)
            : Identify(request.Path);
        if (!request.Vdis.IsEmpty && kind is not StorageRepositorySourceKind)
        {
            throw PipelineDiagnostics.BadOption.ToException("only the directory of a storage repository holds disks by uuid", "--vdi");
        }

        return kind.Open(request, cancellationToken);
    }

    private static ISourceKind Identify(string path)
    {
        using var file = FileDevice.OpenRead(path);
        if (file.Length == 0)
        {
            throw PipelineDiagnostics.UnknownSource.ToException("the file is empty", path);
        }

        var head = new byte[Math.Min(HeadLength, file.Length)];
        file.Read(GuestOffset.Zero, head);
        return All.FirstOrDefault(kind => kind.Identify(path, head)) ?? throw PipelineDiagnostics.UnknownSource.ToException($"a file of {file.Length} bytes", path);
    }
}
