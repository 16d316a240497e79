using System.Collections.Immutable;
using Rehost.Archives;
using Rehost.Archives.Tar;
using Rehost.DiskFormats.Xva;
using Rehost.Model;
using Rehost.Remote.Xapi;

namespace Rehost.Pipeline.Sources;

/// <summary>
/// A machine on a XenServer or XCP-ng host. Its export is a stream, and finding out what is in a guest takes reading here and there: so the disks land while it passes, in images
/// that become the target's in the end. The archive itself is kept nowhere.
/// </summary>
internal static class XapiSource
{
    private static readonly ImmutableArray<string> Endings = [TarDiagnostics.Truncated.Id, ArchiveDiagnostics.Truncated.Id, XapiDiagnostics.NoConnection.Id];

    public static OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var access = request.Remote ?? throw XapiDiagnostics.LoginFailed.ToException("no password was given for the host", request.Path);
        var address = XapiAddress.Parse(request.Path);
        using var landing = new XvaLanding(address.ToString(), access.ScratchDirectory ?? Path.GetTempPath(), access.LandingFormat ?? "raw", access.Report ?? (_ => { }));
        var received = Receive(address, access, null, landing, null, cancellationToken);
        var export = landing.Export ?? throw XvaDiagnostics.NoDescription.ToException("the export held none", request.Path);
        var findings = access.LandingFormat is null && access.ScratchDirectory is { } directory ? [XapiDiagnostics.Kept.Create($"in {directory}, until the target is written", request.Path)] : Array.Empty<Diagnostic>();
        return new OpenSource("xenserver", export.Machine, landing.Complete(received.Ends), [], [.. export.Findings, .. received.Findings, .. findings]);
    }

    /// <summary>Receives an export into a new file; every chunk is verified on the way.</summary>
    public static ReceivedExport ReceiveFile(string address, RemoteAccess access, string? compression, string path, IXvaReceiver receiver, Action<long> progress, CancellationToken cancellationToken)
    {
        using var target = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 1 << 20, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        var received = Receive(XapiAddress.Parse(address), access, compression, receiver, content => new CopyingStream(content, target, progress), cancellationToken);
        target.Flush(flushToDisk: true);
        return received;
    }

    private static ReceivedExport Receive(XapiAddress address, RemoteAccess access, string? compression, IXvaReceiver receiver, Func<Stream, Stream>? through, CancellationToken cancellationToken)
    {
        var export = XapiExport.Begin(address, access.Password.Span, access.Trust, compression, cancellationToken);
        IReadOnlyDictionary<string, long> ends;
        try
        {
            using var content = through?.Invoke(export.Content);
            try
            {
                var stream = content ?? export.Content;
                ends = XvaStream.Read(stream, address.ToString(), receiver, cancellationToken);
                stream.CopyTo(Stream.Null); // what a compressor puts behind its data
            }
            catch (DiagnosticException e) when (Endings.Contains(e.Diagnostic.Id))
            {
                // A host that fails just stops sending; why is in the task.
                throw export.WhyBroken(cancellationToken) ?? e;
            }

            export.Finish(cancellationToken);
        }
        finally
        {
            export.Dispose();
        }

        return new ReceivedExport(export.Machine, export.IsOfSnapshot, ends, export.Findings);
    }
}

/// <summary>An export that was received to its end, which the host confirmed.</summary>
/// <param name="Machine">Name label of the machine.</param>
/// <param name="IsOfSnapshot">Whether the machine was running.</param>
/// <param name="Ends">Where each disk's chunks ended.</param>
/// <param name="Findings">What the operator should know.</param>
internal sealed record ReceivedExport(string Machine, bool IsOfSnapshot, IReadOnlyDictionary<string, long> Ends, IReadOnlyList<Diagnostic> Findings);
