using System.Collections.Immutable;
using Rehost.Hypervisors.Kvm;
using Rehost.Hypervisors.Xen;
using Rehost.Model;
using Rehost.Proof.Qemu;
using Rehost.Proof.Xen;

namespace Rehost.Pipeline;

/// <summary>Boots what a conversion wrote.</summary>
public static class BootTarget
{
    /// <summary>Boots the machine of a libvirt domain description, or of an OVA or OVF on hardware as VMware's, and keeps the evidence.</summary>
    /// <param name="path">The description or package, or the directory of a conversion.</param>
    /// <param name="evidence">Directory for the evidence; null for one beside the description.</param>
    /// <param name="timeout">How long to wait for the login prompt.</param>
    /// <param name="progress">Told of the stage.</param>
    /// <param name="onMilestone">Told of each stage of the boot.</param>
    /// <param name="cancellationToken">Ends guest and proof.</param>
    /// <exception cref="DiagnosticException">The description or QEMU cannot be used.</exception>
    public static BootReport Run(string path, string? evidence, TimeSpan timeout, IProgressSink progress, Action<BootMilestoneReached>? onMilestone, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        var description = ConversionRecord.FindConfiguration(path);
        if (IsPackage(description))
        {
            return RunPackage(description, evidence, timeout, progress, onMilestone, cancellationToken);
        }

        if (IsXen(description))
        {
            return RunFirmware(description, evidence, timeout, progress, onMilestone, cancellationToken);
        }

        if (!description.EndsWith(".xml", StringComparison.OrdinalIgnoreCase))
        {
            throw PipelineDiagnostics.BadOption.ToException("QEMU boots what was converted for KVM or VMware, and Xen's guests with firmware; this is something else", description);
        }

        var domain = LibvirtDomainReader.Open(description);
        var directory = evidence ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(description)) ?? ".", EvidenceName(domain.Machine.Name));
        progress.BeginStage($"Booting {domain.Machine.Name}");
        var options = new BootProofOptions { EvidenceDirectory = directory, Timeout = timeout, IsQ35 = domain.IsQ35, DiskPaths = FindDisks(domain, description) };
        var report = BootProof.Run(domain.Machine, options, onMilestone, onLine: null, cancellationToken);
        progress.Complete();
        return report;
    }

    /// <summary>Boots guests of Xen in the laboratory, one after the other, and keeps the evidence.</summary>
    /// <param name="paths">Their configurations, or the directories of conversions.</param>
    /// <param name="evidence">Directory for the evidence, of several guests for a directory each; null for one beside each configuration.</param>
    /// <param name="laboratory">Directory of the laboratory; null for the usual one.</param>
    /// <param name="timeout">How long to wait for each guest's goal.</param>
    /// <param name="goals">Stages at which the proofs are complete: one for each guest, or one for all; none for the login prompt.</param>
    /// <param name="progress">Told of the stage.</param>
    /// <param name="onMilestone">Told of each stage of a guest's start, with the guest's number.</param>
    /// <param name="cancellationToken">Ends guests and proof.</param>
    /// <exception cref="DiagnosticException">A configuration, the laboratory or QEMU cannot be used.</exception>
    public static ImmutableArray<BootReport> RunXen(
        IReadOnlyList<string> paths, string? evidence, string? laboratory, TimeSpan timeout, ImmutableArray<BootMilestone> goals, IProgressSink progress, Action<int, BootMilestoneReached>? onMilestone, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(progress);
        var configurations = paths.Select(ConversionRecord.FindConfiguration).ToArray();
        progress.BeginStage($"Booting {string.Join(", ", configurations.Select(Path.GetFileNameWithoutExtension))} in the Xen laboratory");
        var options = new XenLabOptions
        {
            Laboratory = XenLaboratory.Find(laboratory),
            EvidenceDirectories = [.. configurations.Select((path, index) => EvidenceOf(path, index, configurations.Length, evidence))],
            Timeout = timeout,
            Goals = goals,
        };
        var reports = XenLabProof.Run(configurations, options, onMilestone, cancellationToken);
        progress.Complete();
        return reports;
    }

    /// <summary>Whether a path means a guest of Xen: by the name of its configuration.</summary>
    public static bool IsXen(string path) => ConversionRecord.FindConfiguration(path) is var file && !file.EndsWith(".xml", StringComparison.OrdinalIgnoreCase) && !IsPackage(file);

    private static bool IsPackage(string path) => path.EndsWith(".ova", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".ovf", StringComparison.OrdinalIgnoreCase);

    // VMware's hardware as QEMU emulates it: the old chipset, the controllers and adapters that the package names, and no serial line, so that the screen is read.
    private static BootReport RunPackage(string path, string? evidence, TimeSpan timeout, IProgressSink progress, Action<BootMilestoneReached>? onMilestone, CancellationToken cancellationToken)
    {
        var (machine, paths, parts) = PackagedDisks.Find(path, cancellationToken);
        progress.BeginStage($"Booting {machine.Name}");
        var options = new BootProofOptions
        {
            EvidenceDirectory = evidence ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".", EvidenceName(machine.Name)),
            Timeout = timeout,
            IsQ35 = false,
            ReadsScreen = true,
            DiskPaths = paths,
            DiskParts = parts,
        };
        var report = BootProof.Run(machine, options, onMilestone, onLine: null, cancellationToken);
        progress.Complete();
        return report;
    }

    // Of Xen's HVM the laboratory has none: QEMU alone has the devices that Xen's device model, which is QEMU, gives such a guest before its front ends come up.
    private static BootReport RunFirmware(string path, string? evidence, TimeSpan timeout, IProgressSink progress, Action<BootMilestoneReached>? onMilestone, CancellationToken cancellationToken)
    {
        var source = XenSource.Open(path);
        if (source.Machine.Mode != VirtualizationMode.Hardware)
        {
            throw PipelineDiagnostics.BadOption.ToException("a PV or PVH guest runs under Xen only: --hypervisor xen", path);
        }

        var machine = source.Machine with
        {
            Disks = [.. source.Machine.Disks.Select(disk => disk with { Bus = "ide" })],
            NetworkAdapters = [.. source.Machine.NetworkAdapters.Select(adapter => adapter with { Model = adapter.Model is "e1000" ? adapter.Model : "rtl8139" })],
        };
        progress.BeginStage($"Booting {machine.Name} with the devices of Xen's firmware");
        var options = new BootProofOptions
        {
            EvidenceDirectory = evidence ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".", EvidenceName(machine.Name)),
            Timeout = timeout,
            IsQ35 = false,
            DiskPaths = [.. source.Disks.Select(disk => disk.HostPath)],
        };
        var report = BootProof.Run(machine, options, onMilestone, onLine: null, cancellationToken);
        progress.Complete();
        return report;
    }

    private static string EvidenceOf(string configuration, int index, int count, string? evidence)
    {
        var name = EvidenceName(Path.GetFileNameWithoutExtension(configuration));
        return evidence is null ? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(configuration)) ?? ".", name)
            : count == 1 ? evidence
            : Path.Combine(evidence, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{index}-{name}"));
    }

    // A machine may be called "../../x".
    private static string EvidenceName(string machine) => "boot-" + HostFileName.From(machine);

    // A description names its disks by full path. When the directory was moved as a whole, they lie beside the description.
    private static ImmutableArray<string> FindDisks(LibvirtDomain domain, string description) => [.. domain.Machine.Disks.Select(disk =>
    {
        var named = disk.Path ?? "";
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(description)) ?? "/", Path.GetFileName(named));
        return !File.Exists(named) && File.Exists(beside) ? beside : named;
    })];
}
