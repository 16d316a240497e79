using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Remote.Xapi;

namespace Rehost.Pipeline;

/// <summary>Machines on their way to and from hosts of XenServer and XCP-ng: rehost upload and rehost download.</summary>
/// <param name="progress">Told how the work goes on.</param>
public sealed class HostTransfer(IProgressSink progress)
{
    /// <summary>Uploads an XVA, or the one in an output directory of convert.</summary>
    /// <exception cref="DiagnosticException">XAP…, XVA….</exception>
    public UploadReport Upload(string path, string address, RemoteAccess access, UploadOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(access);
        ArgumentNullException.ThrowIfNull(options);
        var file = ConversionRecord.FindConfiguration(path);
        using var content = FileDevice.OpenRead(file);
        var request = new UploadRequest(XapiAddress.Parse(address), access.Trust) { Networks = options.Networks, NewIdentity = options.NewIdentity, OnlyCheck = options.OnlyCheck };
        var report = new StageClock(progress).Run(options.OnlyCheck ? "Checking" : "Uploading", options.OnlyCheck ? null : content.Length,
            report => XapiUpload.Run(request, content, Path.GetFileName(file), access.Password.Span, report, cancellationToken));
        progress.Complete();
        return report;
    }

    /// <summary>Downloads a machine's export. The file appears when it is complete and its archive is in order.</summary>
    /// <exception cref="DiagnosticException">XAP…, XVA…, XSO…, PIP002.</exception>
    public DownloadReport Download(string address, string output, RemoteAccess access, string? compression, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(access);
        var path = Path.GetFullPath(output);
        if (Path.Exists(path))
        {
            throw PipelineDiagnostics.TargetExists.ToException("it is not overwritten", path);
        }

        var stages = new StageClock(progress);
        var partial = path + ".partial";
        try
        {
            File.Delete(partial); // of a download that was killed
            var verification = new DownloadVerification(Path.GetFileName(path));
            var received = stages.Run("Downloading", null, report => XapiSource.ReceiveFile(address, access, compression, partial, verification, report, cancellationToken));
            var disks = verification.DisksOf(received.Ends);
            var length = new FileInfo(partial).Length;
            File.Move(partial, path, overwrite: false);
            progress.Complete();
            return new DownloadReport(received.Machine, path, length, received.IsOfSnapshot, disks, stages.Times.Sum(stage => stage.Seconds), [.. received.Findings]);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}

/// <summary>How an upload is made.</summary>
/// <param name="Networks">Networks of the machine, and those of the host that stand for them.</param>
/// <param name="NewIdentity">Whether the host gives new UUIDs and MAC addresses.</param>
/// <param name="OnlyCheck">Whether only the checks are made.</param>
public sealed record UploadOptions(ImmutableDictionary<string, string> Networks, bool NewIdentity, bool OnlyCheck);

/// <summary>What became of a download.</summary>
/// <param name="Machine">Name label of the machine.</param>
/// <param name="Path">The XVA.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="IsOfSnapshot">Whether the machine was running, and a snapshot was exported.</param>
/// <param name="Disks">Sizes of the disks, in bytes.</param>
/// <param name="Seconds">What it took.</param>
/// <param name="Findings">What the operator should know.</param>
public sealed record DownloadReport(string Machine, string Path, long Bytes, bool IsOfSnapshot, ImmutableArray<long> Disks, double Seconds, ImmutableArray<Diagnostic> Findings);
