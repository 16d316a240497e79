using System.Text.Json.Nodes;
using Rehost.Model;
using Rehost.Pipeline.InPlace;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Testing;
using Rehost.Testing.Windows;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>Plans of Windows guests as documents: registry values, drivers by their hash, applied later to a copy and in place.</summary>
public sealed class WindowsPlanDocumentTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2003")]
    [InlineData("2019")]
    public void A_plan_is_edited_and_applied(string name)
    {
        using var scratch = new ScratchDirectory();
        PhonyDisk.Create(PhonyWindows.All[name], scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"]);
        var migration = new Migration(new SilentProgress());
        var target = WindowsConversionTests.Target(scratch, scratch["virtio-win"]);
        var planned = migration.Plan(WindowsConversionTests.Request(scratch), target, withDocument: true, NoStop);
        PlanDocumentFile.Save(Assert.IsType<PlanDocument>(planned.Document), scratch["plan.json"]);

        // The operator wants the guest to restart by itself after a crash, as it did.
        var tree = JsonNode.Parse(File.ReadAllText(scratch["plan.json"]))!.AsObject();
        foreach (var change in tree["plan"]!["steps"]!.AsArray().SelectMany(step => step!["changes"]!.AsArray()).Where(change => (string?)change!["name"] == "AutoReboot").ToList())
        {
            change!.Parent!.AsArray().Remove(change);
        }

        File.WriteAllText(scratch["plan.json"], tree.ToJsonString());
        var document = PlanDocumentFile.Load(scratch["plan.json"]);
        Assert.Contains(PlanEdits.Of(document).Dropped, change => change.Subject.EndsWith("AutoReboot", StringComparison.Ordinal));
        migration.Convert(new SourceRequest(scratch["disk.raw"]), target, document, NoStop);
        var report = migration.Verify(scratch["out"], null, [], NoStop);
        Assert.True(report.IsProved, string.Join('\n', report.Checks.Select(check => $"{check.Outcome} {check.Title}: {check.Detail}")));
        Assert.Contains(report.Checks, check => check.Title.Contains("AutoReboot: dropped by the operator", StringComparison.Ordinal));

        // Without the drivers that the plan names by their hash there is nothing to apply.
        Assert.Equal("CNV013", Assert.Throws<DiagnosticException>(() => migration.ApplyInPlace(new InPlaceRequest([scratch["disk.raw"]]), target with { Drivers = null }, document, NoStop)).Diagnostic.Id);
        var before = Tool.MustRun("sha256sum", scratch["disk.raw"]);
        migration.ApplyInPlace(new InPlaceRequest([scratch["disk.raw"]]), target, document, NoStop);
        Assert.NotEqual(before, Tool.MustRun("sha256sum", scratch["disk.raw"]));
        Assert.True(migration.UndoInPlace(scratch["disk.raw"], [], discardsGuestChanges: false, NoStop).IsRestored);
        Assert.Equal(before, Tool.MustRun("sha256sum", scratch["disk.raw"]));
    }
}
