using System.Collections.Immutable;
using System.Globalization;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Model;

namespace Rehost.Pipeline;

/// <summary>What must hold before the first byte of a target is written.</summary>
internal static class PlanGate
{
    /// <summary>Refuses a plan with errors, a target that exists, and a directory without room.</summary>
    /// <exception cref="DiagnosticException">The first thing that stands in the way.</exception>
    public static void Demand(ConversionPlan plan, OutputDirectory output, bool resumes)
    {
        var errors = plan.Findings.Where(finding => finding.Severity == Severity.Error).ToList();
        if (errors.Count == 1)
        {
            throw new DiagnosticException(errors[0]);
        }

        if (errors.Count > 1)
        {
            throw new DiagnosticException(errors[0] with { Message = $"{errors[0].Message} (and {errors.Count - 1} more: {string.Join("; ", errors.Skip(1).Select(error => error.ToString()))})" });
        }

        // What a run left that was stopped while it gave the names is taken back later, when it is known to be of the same conversion.
        foreach (var name in resumes ? [] : TargetFiles.All(plan))
        {
            output.NewFile(name);
        }

        if (plan.Options.DiskTargets?.Keys.FirstOrDefault(name => !plan.Target.Disks.Any(disk => disk.DeviceName == name)) is { } stray)
        {
            throw PipelineDiagnostics.BadOption.ToException($"the target has no disk {stray}; it has {string.Join(", ", plan.Target.Disks.Select(disk => disk.DeviceName))}", "--disk-target");
        }

        foreach (var disk in plan.Target.Disks.Where(disk => TargetFiles.IsNamed(plan, disk)))
        {
            TargetDiskFile.Preflight(TargetFiles.Disk(disk), disk.LengthBytes, plan.Options.OverwritesDevices);
        }
    }

    /// <summary>What this machine lacks to carry a plan out.</summary>
    public static ImmutableArray<Diagnostic> Preflight(ConversionPlan plan, TargetRequest target)
    {
        try
        {
            if (plan.Changes.OfType<InstallBootloader>().Any(change => change.GuestModulesPath is null))
            {
                GrubFileLocator.Find(guest: null, target.GrubDirectory);
            }

            if (plan.Changes.OfType<AddHelperPartition>().SelectMany(change => change.Files).Any(file => file.Loader is { GuestModulesPath: null }))
            {
                GrubFileLocator.FindEfi(target.GrubDirectory);
            }

            return [];
        }
        catch (DiagnosticException e)
        {
            return [e.Diagnostic];
        }
    }

    /// <summary>Refuses a directory that cannot even take what the guest's file systems use.</summary>
    /// <exception cref="DiagnosticException">PIP004.</exception>
    public static void DemandRoom(GuestFacts facts, ConversionPlan plan, OutputDirectory output)
    {
        var elsewhere = plan.Target.Disks.Where(disk => TargetFiles.IsNamed(plan, disk)).Select(disk => disk.Part?.DiskId ?? disk.Id).ToHashSet(StringComparer.Ordinal);
        var needed = facts.Volumes.Where(volume => !elsewhere.Contains(volume.DiskId)).Sum(volume => volume.UsedBytes);
        var available = new DriveInfo(output.Path).AvailableFreeSpace;
        if (plan.Options.Compression == "none" && available < needed)
        {
            throw PipelineDiagnostics.NoRoom.ToException(string.Create(CultureInfo.InvariantCulture, $"the guest's file systems use {needed >> 20} MiB, and {available >> 20} MiB are free"), output.Path);
        }
    }
}
