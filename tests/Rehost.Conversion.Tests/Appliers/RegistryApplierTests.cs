using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Inspection;
using Rehost.Model;
using Rehost.Planning;
using Rehost.Testing;
using Rehost.Testing.Windows;

namespace Rehost.Conversion.Tests.Appliers;

/// <summary>Changes to a registry are made only to what the plan saw, all or none.</summary>
public sealed class RegistryApplierTests
{
    [Fact]
    public void A_guest_that_is_not_as_seen_is_left_as_it_is()
    {
        using var scratch = new ScratchDirectory();
        var phony = PhonyWindows.All["2008r2"];
        Testing.Windows.PhonyDisk.Create(phony, scratch["disk.raw"]);
        using var file = FileDevice.OpenRead(scratch["disk.raw"]);
        using var overlay = new OverlayDevice(file, OverlayStore.InMemory());
        var machine = new VirtualMachine { Name = "w", Hypervisor = Hypervisor.XenServer, Mode = VirtualizationMode.Hardware, MemoryBytes = 1 << 30, Disks = [new VirtualDisk { Id = "d", DeviceName = "sda", LengthBytes = file.Length }] };
        using var guest = GuestInspector.Open(machine, [overlay], Planner.Reads, TestContext.Current.CancellationToken);
        var plan = Planner.Plan(guest.Facts, TargetCapabilities.Kvm, new ConversionOptions());

        Assert.Equal("CNV001", Refusal(plan, change => change is SetRegistryValue { Before: not null } set ? set with { Before = RegistryData.OfNumber(77) } : null));
        Assert.Equal("CNV001", Refusal(plan, change => change is RemoveRegistryKey { BeforeSha256: not null } remove ? remove with { BeforeSha256 = new string('0', 64) } : null));
        Assert.Equal("CNV003", Refusal(plan, change => change is RemoveRegistryKey remove ? remove with { Key = @"ControlSet001\Services\nobody" } : null));
        Assert.Equal("CNV001", Refusal(plan, change => change is RedirectBootDevice redirect ? redirect with { Before = "another" } : null));
        Assert.Equal("CNV001", Refusal(plan, change => change is SetDefaultBootEntry entry ? entry with { Before = "{another}" } : null));
        Assert.Equal("CNV003", Refusal(plan, change => change is RemoveRegistryKey remove ? new DeleteDirectory { StepId = remove.StepId, Reason = remove.Reason, Path = "/nowhere" } : null));
        Assert.Equal("CNV013", Refusal(plan, change => change is RemoveRegistryKey remove ? new PlaceFile { StepId = remove.StepId, Reason = remove.Reason, Path = "/Windows/new.sys", From = "new.sys", Sha256 = new string('0', 64), LengthBytes = 1 } : null));
        Assert.Equal("CNV003", Refusal(plan, change => change is RemoveRegistryKey remove ? new CopyFile { StepId = remove.StepId, Reason = remove.Reason, Path = "/Windows/copy", From = "/nowhere", Sha256 = new string('0', 64) } : null));
        Assert.Equal("CNV006", Refusal(plan, change => change is RemoveRegistryKey remove
            ? new SetNtfsGeometry { StepId = remove.StepId, Reason = remove.Reason, DiskId = "d", VolumeOffset = 21 << 20, VolumeLength = 60 << 20, Before = new NtfsGeometry(1, 2, 3), After = new NtfsGeometry(63, 255, 2048) } : null));
        Assert.Empty(overlay.ChangedRanges);

        PlanApplier.Apply(plan, new ApplyContext(guest.Storage.Tree, [new TargetDisk("d", overlay)]));
        Assert.NotEmpty(overlay.ChangedRanges);

        string Refusal(ConversionPlan good, Func<Change, Change?> spoil)
        {
            var spoilt = false;
            var bad = good with { Steps = [.. good.Steps.Select(step => step with { Changes = [.. step.Changes.Select(change => !spoilt && spoil(change) is { } other ? (spoilt = true, other).other : change)] })] };
            Assert.True(spoilt);
            return Assert.Throws<DiagnosticException>(() => PlanApplier.Apply(bad, new ApplyContext(guest.Storage.Tree, [new TargetDisk("d", overlay)]))).Diagnostic.Id;
        }
    }
}
