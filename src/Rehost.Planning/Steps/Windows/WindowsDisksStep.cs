using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Data disks that Windows would leave offline.</summary>
internal sealed class WindowsDisksStep : WindowsStep
{
    private const uint OnlineAll = 1;

    public override string Id => "windows-disks";

    public override string Title => "Data disks online";

    public override string Description =>
        "Servers from 2008 on leave disks offline that they see for the first time on a bus that could be shared, which virtio and SCSI disks are to them. The policy (partmgr's SanPolicy) is set to bring all online where there is more " +
        "than one disk, before the first start rather than after it. Signatures of disks are not changed, so drive letters stay.";

    public override ImmutableArray<string> Requirements => ["S3.16"];

    public override ImmutableArray<string> Reads => [@"HKLM\SYSTEM\ControlSet*\Services\partmgr\Parameters", @"HKLM\SYSTEM\ControlSet*\Services\partmgr"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        if (!windows.Version.IsAtLeast(6, 0) || context.Facts.Disks.Length < 2)
        {
            context.Skip(context.Facts.Disks.Length < 2 ? "there is one disk" : "Windows before Vista brings all disks online");
            return;
        }

        foreach (var set in windows.ControlSets.Where(set => registry.Exists($@"{set.Key}\Services\partmgr")))
        {
            registry.Set($@"{set.Key}\Services\partmgr\Parameters", "SanPolicy", RegistryData.OfNumber(OnlineAll), "Data disks appear on a new bus; Windows is to bring them online with their letters.");
        }

        context.Skip("all disks come online already");
    }
}
