using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Rehost.Model;
using Rehost.Pipeline.Plans;
using Rehost.Planning;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Plans;

/// <summary>docs/plan.schema.json: true to the code, accepted by a stranger's validator for plans with every kind of change, and strict.</summary>
public sealed class PlanSchemaTests
{
    private const string Python = "/usr/bin/python3";

    /// <summary>Validates every document named; prints one line for each that is refused.</summary>
    private const string Validate = """
        import json, sys
        from jsonschema import Draft202012Validator
        schema = json.load(open(sys.argv[1]))
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        for path in sys.argv[2:]:
            for error in validator.iter_errors(json.load(open(path))):
                print(path.split('/')[-1], '/'.join(map(str, error.absolute_path)), error.message[:300])
                break
        """;

    private static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile()) ?? "/", "..", "..", ".."));

    private static string SchemaFile => Path.Combine(Root, "docs/plan.schema.json");

    [Fact]
    public void The_published_schema_is_that_of_the_code()
    {
        if (Environment.GetEnvironmentVariable("REHOST_WRITE_DOCS") == "1")
        {
            File.WriteAllText(SchemaFile, PlanSchema.Write());
        }

        Assert.True(File.Exists(SchemaFile) && File.ReadAllText(SchemaFile) == PlanSchema.Write(), "docs/plan.schema.json differs from the code: run these tests with REHOST_WRITE_DOCS=1");
    }

    [Fact]
    public void There_is_a_sample_and_a_list_of_paths_for_every_kind_of_change()
    {
        var kinds = typeof(Change).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false).Cast<JsonDerivedTypeAttribute>().Select(kind => kind.DerivedType).ToHashSet();
        Assert.Equal(kinds, ChangeSamples.All.Select(change => change.GetType()).ToHashSet());
        Assert.All(ChangeSamples.All, change => Assert.NotNull(ChangedPaths.Of(change).Files.Select(path => path).ToList()));
    }

    [Fact]
    public void Plans_of_every_guest_and_every_kind_of_change_fit_the_schema()
    {
        using var scratch = new ScratchDirectory();
        var paths = new List<string>();
        foreach (var facts in Directory.GetFiles(Path.Combine(Root, "tests/Rehost.Conversion.Tests/Guests/Baselines"), "facts.json", SearchOption.AllDirectories))
        {
            var guest = ModelJson.Deserialize<GuestFacts>(File.ReadAllText(facts));
            foreach (var target in (TargetCapabilities[])[TargetCapabilities.Kvm, TargetCapabilities.XenPv, TargetCapabilities.Vmware])
            {
                var plan = Planner.Plan(guest, target, new ConversionOptions { Target = target.Hypervisor == Hypervisor.Xen ? "xen" : target.Hypervisor == Hypervisor.Kvm ? "kvm" : "vmware" });
                paths.Add(scratch[$"{Path.GetFileName(Path.GetDirectoryName(facts))}-{target.Hypervisor}.json"]);
                File.WriteAllText(paths[^1], PlanDocumentText.Write(Document(plan)));
            }
        }

        paths.Add(scratch["samples.json"]);
        File.WriteAllText(paths[^1], PlanDocumentText.Write(Sample()));
        Assert.True(paths.Count > 60);
        Assert.Equal("", Tool.MustRun(Python, ["-c", Validate, SchemaFile, .. paths]));
    }

    [Fact]
    public void What_is_wrong_is_refused_by_the_schema_and_by_Rehost()
    {
        using var scratch = new ScratchDirectory();
        var wrong = new Dictionary<string, Action<JsonObject>>(StringComparer.Ordinal)
        {
            ["other-kind"] = document => document["kind"] = "other",
            ["other-version"] = document => document["formatVersion"] = 2,
            ["no-version"] = document => document.Remove("formatVersion"),
            ["no-seen"] = document => document.Remove("seen"),
            ["unknown-property"] = document => document["surprise"] = true,
            ["bad-digest"] = document => document["digest"] = "123",
        };
        foreach (var change in ChangeSamples.All)
        {
            var index = ChangeSamples.All.IndexOf(change);
            var kind = PlanDocumentText.KindOf(change);
            wrong[$"{kind}-unknown-kind"] = document => ChangeAt(document, index)["kind"] = "script";
            wrong[$"{kind}-no-kind"] = document => ChangeAt(document, index).Remove("kind");
            wrong[$"{kind}-no-reason"] = document => ChangeAt(document, index).Remove("reason");
            wrong[$"{kind}-unknown-property"] = document => ChangeAt(document, index)["run"] = "rm";
            if (ChangeAt(Tree(), index).ContainsKey("path"))
            {
                foreach (var (name, path) in new[] { ("up", "/etc/../../x"), ("relative", "etc/x"), ("ends", "/etc/"), ("root", "/"), ("dots", "/..") })
                {
                    wrong[$"{kind}-path-{name}"] = document => ChangeAt(document, index)["path"] = path;
                }
            }
        }

        foreach (var (name, edit) in wrong)
        {
            var document = Tree();
            edit(document);
            File.WriteAllText(scratch[name], document.ToJsonString());
            var refused = Assert.Throws<DiagnosticException>(() => PlanDocumentFile.Load(scratch[name])).Diagnostic;
            Assert.True(refused.Id is "PLD001" or "PLD002" or "PLD003", $"{name}: {refused}");
        }

        File.WriteAllText(scratch["right"], Tree().ToJsonString());
        var lines = Tool.MustRun(Python, ["-c", Validate, SchemaFile, scratch["right"], .. wrong.Keys.Select(name => scratch[name])]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(wrong.Keys.Order(StringComparer.Ordinal), lines.Select(line => line.Split(' ')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_plan_is_read_as_it_was_written()
    {
        foreach (var facts in Directory.GetFiles(Path.Combine(Root, "tests/Rehost.Conversion.Tests/Guests/Baselines"), "facts.json", SearchOption.AllDirectories))
        {
            var plan = Planner.Plan(ModelJson.Deserialize<GuestFacts>(File.ReadAllText(facts)), TargetCapabilities.XenPv, new ConversionOptions { Target = "xen", XenBoot = "direct" });
            var text = PlanDocumentText.Write(Document(plan));
            Assert.Equal(text, PlanDocumentText.Write(PlanDocumentText.Read(text, facts)));
        }

        var sample = PlanDocumentText.Write(Sample());
        Assert.Contains("\"contentBase64\": \"Y2Fm6Qo=\"", sample, StringComparison.Ordinal);
        Assert.Contains("\"scriptContentBase64\"", sample, StringComparison.Ordinal);
        Assert.Equal(sample, PlanDocumentText.Write(PlanDocumentText.Read(sample, "sample")));
    }

    internal static PlanDocument Sample() => Document(new ConversionPlan
    {
        Source = Machine,
        Target = Machine,
        Capabilities = TargetCapabilities.Kvm,
        Options = new ConversionOptions(),
        Steps = [new StepOutcome { StepId = "a-step", Title = "All kinds", Changes = ChangeSamples.All }, new StepOutcome { StepId = "b-step", Title = "None", SkippedBecause = "nothing to change" }],
    });

    internal static PlanDocument Document(ConversionPlan plan)
    {
        var document = new PlanDocument
        {
            Kind = PlanDocument.DocumentKind,
            FormatVersion = PlanDocument.CurrentVersion,
            MadeBy = "0",
            Seen = new SeenGuest
            {
                SourceKind = "disk",
                Disks = [.. plan.Source.Disks.Select(disk => new SeenDisk { Id = disk.Id, LengthBytes = disk.LengthBytes, Scheme = PartitionScheme.None })],
                Facts = ImmutableSortedDictionary<string, string>.Empty.Add("kernels", new string('0', 64)),
                Files = ImmutableSortedDictionary<string, SeenFile>.Empty.Add("/etc/fstab", new SeenFile(SeenKind.File, 3, new string('a', 64))).Add("/x", new SeenFile(SeenKind.Absent)),
            },
            Plan = plan,
            Made = new MadePlan { PlanSha256 = PlanDocumentText.HashOfRest(plan), Changes = [.. plan.Changes.Select(PlanDocumentText.Describe)] },
            Digest = "",
        };
        return document with { Digest = PlanDocumentText.DigestOf(document) };
    }

    private static VirtualMachine Machine { get; } = new() { Name = "m", Hypervisor = Hypervisor.Xen, Disks = [new VirtualDisk { Id = "xvda", DeviceName = "xvda", LengthBytes = 1 << 24 }] };

    private static JsonObject Tree() => JsonNode.Parse(PlanDocumentText.Write(Sample()))!.AsObject();

    private static JsonObject ChangeAt(JsonObject document, int index) => document["plan"]!["steps"]![0]!["changes"]![index]!.AsObject();

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
