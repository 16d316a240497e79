using System.Collections.Immutable;
using Rehost.Hypervisors.Kvm;
using Rehost.Proof.Qemu;

namespace Rehost.Pipeline;

/// <summary>Boots what a conversion wrote.</summary>
public static class BootTarget
{
    /// <summary>Boots a libvirt domain description's machine and keeps the evidence.</summary>
    /// <param name="path">The description, or the directory of a conversion.</param>
    /// <param name="evidence">Directory for the evidence; null for one beside the description.</param>
    /// <param name="timeout">How long to wait for the login prompt.</param>
    /// <param name="progress">Told of the stage.</param>
    /// <param name="onMilestone">Told of each stage of the boot.</param>
    /// <param name="cancellationToken">Ends guest and proof.</param>
    /// <exception cref="Model.DiagnosticException">The description or QEMU cannot be used.</exception>
    public static BootReport Run(string path, string? evidence, TimeSpan timeout, IProgressSink progress, Action<BootMilestoneReached>? onMilestone, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        var description = ConversionRecord.FindConfiguration(path);
        if (!description.EndsWith(".xml", StringComparison.OrdinalIgnoreCase))
        {
            throw PipelineDiagnostics.BadOption.ToException("QEMU boots what was converted for KVM; this is for another hypervisor", description);
        }

        var domain = LibvirtDomainReader.Open(description);
        var directory = evidence ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(description)) ?? ".", $"boot-{domain.Machine.Name}");
        progress.BeginStage($"Booting {domain.Machine.Name}");
        var options = new BootProofOptions { EvidenceDirectory = directory, Timeout = timeout, IsQ35 = domain.IsQ35, DiskPaths = FindDisks(domain, description) };
        var report = BootProof.Run(domain.Machine, options, onMilestone, onLine: null, cancellationToken);
        progress.Complete();
        return report;
    }

    // A description names its disks by full path. When the directory was moved as a whole, they lie beside the description.
    private static ImmutableArray<string> FindDisks(LibvirtDomain domain, string description) => [.. domain.Machine.Disks.Select(disk =>
    {
        var named = disk.Path ?? "";
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(description)) ?? "/", Path.GetFileName(named));
        return !File.Exists(named) && File.Exists(beside) ? beside : named;
    })];
}
