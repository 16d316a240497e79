using Rehost.Hypervisors.Ovf;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>
/// Compares a package with its manifest on a thread of its own while the disks are inspected and copied: the second reader finds most of the file in the
/// page cache, and nothing is committed before it is done.
/// </summary>
internal sealed class ManifestVerification : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly OvfPackage _package;
    private readonly Task _work;

    private ManifestVerification(OvfPackage package)
    {
        _package = package;
        _work = Task.Factory.StartNew(() => package.VerifyManifest(progress: null, _stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Starts.</summary>
    public static ManifestVerification Start(OvfPackage package) => new(package);

    /// <summary>Waits for the end.</summary>
    /// <exception cref="DiagnosticException">A file is not what the manifest says (OVF009, OVF010).</exception>
    public void Demand() => _work.GetAwaiter().GetResult();

    /// <summary>Stops the thread, then closes the package.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        try
        {
            _work.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is OperationCanceledException or DiagnosticException)
        {
            // Told by Demand already, or nobody asked.
        }

        _stop.Dispose();
        _package.Dispose();
    }
}
