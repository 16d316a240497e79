using System.Text;
using System.Text.Json;
using Rehost.Blocks;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seeds;
using Rehost.Inspection.Windows.Drivers;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.InPlace;
using Rehost.Pipeline.Plans;
using Rehost.Planning;
using Rehost.Planning.Tests;
using Rehost.Proof.Qemu;
using Rehost.Testing.Windows;
using Rehost.Transfer;

namespace Rehost.Fuzz.Targets;

/// <summary>Documents of our own that come back to us, and drivers that operators bring.</summary>
internal static class OwnTargets
{
    public static IEnumerable<FuzzTarget> All =>
    [
        new("plan-json", PlanSeeds, RunPlan) { Covers = ["ModelJson"], IsText = true, Words = ["\"kind\":", "null", "\"sha256\":", "\"path\":\"/../x\"", "1e400"], Weight = 2, SmokeExecutions = 40 },
        new("plan-document", DocumentSeeds, RunDocument) { Covers = ["PlanDocumentFile", "PlanDocumentText"], IsText = true, Words = ["\"kind\":", "\"formatVersion\":1", "\"contentBase64\":", "null", "\"path\":\"/../x\"", "1e400"], Weight = 2, SmokeExecutions = 40 },
        new("volume-marks", room => FileSystemSeeds.Ext(room).Take(2).Concat(FileSystemSeeds.Xfs(room).Take(1)), RunMarks) { Covers = ["VolumeMarks"], SmokeExecutions = 40 },
        new("conversion-record", RecordSeeds, RunRecord) { Covers = ["ConversionRecord"], IsText = true, Words = ["\"formatVersion\":1", "null", "\"disks\":[]"] },
        new("manifest", ManifestSeeds, RunManifest) { Covers = ["ManifestFile", "BlockManifest"], Seal = OwnSeals.Manifest, Weight = 2 },
        new("copy-journal", JournalSeeds, RunJournal) { Covers = ["CopyJournal"] },
        new("inf", InfSeeds, RunInf) { Covers = ["InfFile", "InfPackageReader", "DriverLibraryReader"], IsText = true, Words = ["[Version]", "[Strings]", "%x%", "AddService=", "HKR,,A,0x10001,1", "CopyFiles=@", "\"a\"\"b\"", "NTamd64.6.1", "ClassGuid=", "\\"], Weight = 2 },
        new("ppm", PpmSeeds, run => PngEncoder.FromPpm(run.Bytes)) { Covers = ["PngEncoder"] },
    ];

    private static IEnumerable<FuzzSeed> PlanSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("Debian to KVM", ModelJson.Serialize(Planner.Plan(SampleFacts.DebianPv(SampleFacts.Text("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n/dev/xvda2 none swap sw 0 0\n")), TargetCapabilities.Kvm, new ConversionOptions())));
        yield return FuzzSeed.Of("CentOS to Xen", ModelJson.Serialize(Planner.Plan(SampleFacts.CentOs5Vmware(), TargetCapabilities.XenPv, new ConversionOptions())));
    }

    private static void RunPlan(FuzzRun run)
    {
        ConversionPlan plan;
        try
        {
            plan = ModelJson.Deserialize<ConversionPlan>(run.Text);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            return; // what those who read documents expect and tell
        }

        var text = ModelJson.Serialize(plan);
        run.Demand(ModelJson.Serialize(ModelJson.Deserialize<ConversionPlan>(text)) == text, "round trip");
    }

    private static IEnumerable<FuzzSeed> RecordSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("empty", "{\"formatVersion\":1,\"disks\":[]}");
        yield return FuzzSeed.Of("disks", "{\"formatVersion\":1,\"disks\":[{\"diskId\":\"a\",\"deviceName\":\"vda\",\"file\":\"a.raw\",\"manifestFile\":\"a.manifest\",\"lengthBytes\":5,\"storedBytes\":4,\"changedBytes\":1,\"contentHash\":\"00\",\"freeSpace\":[]}]}");
    }

    private static void RunRecord(FuzzRun run) => InDirectory(directory =>
    {
        File.WriteAllBytes(Path.Combine(directory, ConversionRecord.FileName), run.Bytes);
        _ = ConversionRecord.Read(directory);
    });

    private static void RunMarks(FuzzRun run)
    {
        var device = run.Device();
        run.Note("marks", VolumeMarks.Read(device, 0, device.Length).Count);
    }

    private static IEnumerable<FuzzSeed> DocumentSeeds(SeedRoom room)
    {
        foreach (var seed in PlanSeeds(room))
        {
            var plan = Encoding.UTF8.GetString(seed.Content);
            yield return FuzzSeed.Of(seed.Name, "{\"kind\":\"" + PlanDocument.DocumentKind + "\",\"formatVersion\":1,\"madeBy\":\"rehost\",\"seen\":{\"sourceKind\":\"xen\",\"disks\":[],\"facts\":{},\"files\":{}},\"plan\":" + plan + ",\"made\":{\"planSha256\":\"\",\"changes\":[]},\"digest\":\"\"}");
        }
    }

    private static void RunDocument(FuzzRun run) => InDirectory(directory =>
    {
        var path = Path.Combine(directory, "plan.json");
        File.WriteAllBytes(path, run.Bytes);
        run.Attempt(() => run.Note("steps", PlanDocumentFile.Load(path).Plan.Steps.Length));
    });

    private static void InDirectory(Action<string> use)
    {
        var directory = Path.Combine(Path.GetTempPath(), $"rehost-fuzz-{Environment.ProcessId}-own");
        Directory.CreateDirectory(directory);
        try
        {
            use(directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static IEnumerable<FuzzSeed> ManifestSeeds(SeedRoom room)
    {
        foreach (var length in (long[])[100, 5 << 16, (70L << 16) + 5])
        {
            yield return new FuzzSeed($"{length}", OwnSeals.MakeManifest(room, length));
        }
    }

    private static void RunManifest(FuzzRun run)
    {
        var manifest = BlockManifest.Load(run.Device(), "input");
        run.Note("blocks", manifest.BlockCount);
        run.Note("ranges", manifest.Mapping.Length + manifest.ChangedRanges.Length + manifest.FreedRanges.Length);
        for (var i = 0; i < 10 && manifest.BlockCount > 0; i++)
        {
            _ = manifest.HashOf(run.Random.NextInt64(manifest.BlockCount)).Length;
        }
    }

    private static IEnumerable<FuzzSeed> JournalSeeds(SeedRoom room)
    {
        using (var target = CommittedFile.Create(room["a"], new CommittedFileOptions { KeepsPartial = true }))
        {
            using var journal = CopyJournal.Open(target, "identity", isReplayed: false, interval: 10);
            journal.File.SetLength(1000);
            journal.Reached(100, 1);
            journal.Reached(300, 2);
        }

        yield return new FuzzSeed("two records", File.ReadAllBytes(Directory.GetFiles(room.Scratch.Path).First(path => path.Contains("journal", StringComparison.Ordinal))));
    }

    private static void RunJournal(FuzzRun run) => InDirectory(directory =>
    {
        File.WriteAllBytes(Path.Combine(directory, "a" + CommittedFile.PartialSuffix + CommittedFile.JournalSuffix), run.Bytes);
        File.WriteAllBytes(Path.Combine(directory, "a" + CommittedFile.PartialSuffix), new byte[1000]);
        _ = CopyJournal.CanContinue(Path.Combine(directory, "a"), "identity");
    });

    private static IEnumerable<FuzzSeed> InfSeeds(SeedRoom room)
    {
        PhonyVirtioWin.Create(room.Scratch.Path, ["2k19"]);
        foreach (var path in Directory.GetFiles(room.Scratch.Path, "*.inf", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(3))
        {
            var text = File.ReadAllBytes(path);
            yield return new FuzzSeed(Path.GetFileName(path), text is [0xFF, 0xFE, ..] ? Encoding.UTF8.GetBytes(Encoding.Unicode.GetString(text.AsSpan(2))) : text);
        }

        yield return new FuzzSeed("UTF-16", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("[Version]\r\nClass=Net\r\nProvider=%a%\r\n[Strings]\r\na=\"b\"\r\n")]);
    }

    private static void RunInf(FuzzRun run)
    {
        var bytes = run.Bytes;
        run.Attempt(() =>
        {
            var inf = InfFile.Parse(bytes);
            run.Note("sections", inf.Sections.Count());
            run.Attempt(() => run.Note("models", new InfPackageReader(inf).Read("/drivers", "a.inf").Models.Length));
        });
        run.Attempt(() => run.Note("packages", DriverLibraryReader.Read([new SuppliedFile("drivers/a.inf", bytes.Length, () => bytes), new SuppliedFile("drivers/a.cat", bytes.Length, () => bytes)], "amd64", run.CancellationToken).Length));
    }

    private static IEnumerable<FuzzSeed> PpmSeeds(SeedRoom _)
    {
        yield return new FuzzSeed("small", [.. "P6\n# comment\n4 3\n255\n"u8, .. new byte[36]]);
    }
}
