using Rehost.Model;

namespace Rehost.Pipeline;

/// <summary>Names of the files that a conversion writes.</summary>
internal static class TargetFiles
{
    /// <summary>The machine's configuration.</summary>
    public static string Configuration(VirtualMachine machine) => $"{machine.Name}.xml";

    /// <summary>A disk's image.</summary>
    public static string Disk(VirtualDisk disk) => disk.Path ?? $"{disk.DeviceName}.{disk.Format}";

    /// <summary>A disk's manifest.</summary>
    public static string Manifest(VirtualMachine machine, VirtualDisk disk) => $"{machine.Name}-{disk.DeviceName}.manifest";

    /// <summary>All files of a plan's target.</summary>
    public static IEnumerable<string> All(ConversionPlan plan) =>
    [
        .. plan.Target.Disks.Select(Disk),
        .. plan.Target.Disks.Select(disk => Manifest(plan.Target, disk)),
        Configuration(plan.Target), ConversionRecord.FileName, ReportText.FileName,
    ];
}
