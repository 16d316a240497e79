using Rehost.Model;
using Rehost.Remote.Xapi;

namespace Rehost.Pipeline.Sources;

/// <summary>
/// A machine on a XenServer or XCP-ng host. Its export is a stream, and finding out what is in a guest takes reading here and there: so the export is kept in a file of the
/// output directory while it is read, and removed with the source.
/// </summary>
internal static class XapiSource
{
    public static OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var access = request.Remote ?? throw XapiDiagnostics.LoginFailed.ToException("no password was given for the host", request.Path);
        var path = Path.Combine(access.ScratchDirectory ?? Path.GetTempPath(), $".rehost-{Environment.ProcessId}-{Path.GetRandomFileName()}.xva");
        var file = new KeptFile(path);
        try
        {
            var findings = Receive(request.Path, access, null, path, _ => { }, cancellationToken).Findings;
            var source = new XvaSourceKind().Open(request with { Path = path }, cancellationToken);
            return source with { Kind = "xenserver", Findings = [.. source.Findings, .. findings], ScratchFile = file };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Receives an export into a new file.</summary>
    /// <returns>The machine's name, and what the operator should know.</returns>
    public static (string Machine, bool IsOfSnapshot, IReadOnlyList<Diagnostic> Findings) Receive(string address, RemoteAccess access, string? compression, string path, Action<long> progress, CancellationToken cancellationToken)
    {
        var export = XapiExport.Begin(XapiAddress.Parse(address), access.Password.Span, access.Trust, compression, cancellationToken);
        try
        {
            using (var target = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                var buffer = new byte[1 << 20];
                try
                {
                    for (int read; (read = export.Content.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0; progress(target.Position))
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        target.Write(buffer, 0, read);
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException { InnerException: not null })
                {
                    throw XapiDiagnostics.NoConnection.ToException($"the connection broke after {target.Position} bytes: {e.Message}", address, e);
                }

                target.Flush(flushToDisk: true);
            }

            export.Finish(cancellationToken);
        }
        finally
        {
            export.Dispose();
        }

        return (export.Machine, export.IsOfSnapshot, export.Findings);
    }

    /// <summary>A file that goes with the source that was read from it.</summary>
    private sealed class KeptFile(string path) : IDisposable
    {
        public void Dispose() => File.Delete(path);
    }
}
