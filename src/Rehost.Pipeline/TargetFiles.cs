using Rehost.Model;
using Rehost.Pipeline.Targets;

namespace Rehost.Pipeline;

/// <summary>Names of the files that a conversion writes.</summary>
internal static class TargetFiles
{
    /// <summary>A disk's image, or the file that holds all of them.</summary>
    public static string Disk(VirtualDisk disk) => disk.Path ?? $"{disk.DeviceName}.{disk.Format}";

    /// <summary>Whether the operator named the place of a disk.</summary>
    public static bool IsNamed(ConversionPlan plan, VirtualDisk disk) => plan.Options.DiskTargets?.ContainsKey(disk.DeviceName) == true;

    /// <summary>A disk's manifest.</summary>
    public static string Manifest(VirtualMachine machine, VirtualDisk disk) => $"{machine.Name}-{disk.DeviceName}.manifest";

    /// <summary>All files of a plan's target.</summary>
    public static IEnumerable<string> All(ConversionPlan plan) =>
    [
        .. plan.Target.Disks.Where(disk => !IsNamed(plan, disk)).Select(Disk).Distinct(StringComparer.Ordinal),
        .. plan.Target.Disks.Select(disk => Manifest(plan.Target, disk)),
        KnownTargets.ByName(plan.Options.Target).ConfigurationFile(plan.Target), .. (plan.HandedOut ?? []).Select(file => file.Name), ConversionRecord.FileName, ConversionRecord.TimesFileName, ReportText.FileName,
    ];
}
