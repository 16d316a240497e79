using System.Text.Json.Nodes;
using Rehost.Model;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Plans;

/// <summary>Plans that are made, edited, signed off and applied later: exactly, or not at all.</summary>
public sealed class PlanDocumentTests : IDisposable
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;
    private readonly ScratchDirectory _scratch = new();
    private readonly Migration _migration = new(new SilentProgress());

    [Fact]
    public void A_document_is_read_as_it_was_written_and_is_the_same_from_another_directory()
    {
        var disk = Guest();
        var document = Make(disk);
        PlanDocumentFile.Save(document, _scratch["plan.json"]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_scratch["plan.json"]));
        var read = PlanDocumentFile.Load(_scratch["plan.json"]);
        Assert.Equal(PlanDocumentText.Write(document), PlanDocumentText.Write(read));
        Assert.Equal(document.Digest, PlanDocumentFile.DigestOf(read));
        Assert.False(PlanEdits.Of(read).IsEdited);

        Directory.CreateDirectory(_scratch["elsewhere"]);
        File.Move(disk, _scratch["elsewhere/xvda.img"]);
        Assert.Equal(PlanDocumentText.Write(document), PlanDocumentText.Write(Make(_scratch["elsewhere/xvda.img"])));
        Assert.DoesNotContain(_scratch.Path, File.ReadAllText(_scratch["plan.json"]), StringComparison.Ordinal);
        Assert.DoesNotContain("$6$secret", File.ReadAllText(_scratch["plan.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_that_nobody_edited_gives_what_convert_gives()
    {
        var disk = Guest();
        PlanDocumentFile.Save(Make(disk), _scratch["plan.json"]);
        var whole = _migration.Convert(Request(disk), Target("whole"), NoStop);
        var later = Convert(disk, "later");
        Assert.Equal(whole.Disks.Select(one => one.ContentHash), later.Disks.Select(one => one.ContentHash));
        Assert.Equal(ModelJson.Serialize(whole.Plan.Steps), ModelJson.Serialize(later.Plan.Steps));
        Assert.False(later.Document?.Edits.IsEdited);
        AssertProved("later");
    }

    [Fact]
    public void Edits_are_honoured_and_verified_as_the_operators_own()
    {
        var disk = Guest();
        PlanDocumentFile.Save(Make(disk), _scratch["plan.json"]);

        // A change dropped, and a kernel argument altered.
        string? dropped = null;
        Edit(changes =>
        {
            var menu = Assert.Single(changes, change => (string?)change["path"] == "/boot/grub/menu.lst");
            menu["content"] = ((string?)menu["content"])?.Replace("/vmlinuz-6.1.0-1-amd64 ", "/vmlinuz-6.1.0-1-amd64 quiet mitigations=off ", StringComparison.Ordinal);
            var fstab = Assert.Single(changes, change => (string?)change["path"] == "/etc/fstab");
            dropped = (string?)fstab["path"];
            fstab.Parent?.AsArray().Remove(fstab);
        });
        Assert.Equal("/etc/fstab", dropped);
        var unsigned = Convert(disk, "unsigned");
        Assert.Contains(unsigned.Plan.Findings, finding => finding is { Id: "PLD007", Severity: Severity.Warning });
        AssertProved("unsigned");

        PlanDocumentFile.SignOff(_scratch["plan.json"], "Jane Doe", "CHG-1");
        var record = Convert(disk, "out");
        Assert.DoesNotContain(record.Plan.Findings, finding => finding.Id == "PLD007");
        var edits = Assert.IsType<AppliedDocument>(record.Document).Edits;
        Assert.Equal(("/etc/fstab", "/boot/grub/menu.lst"), (Assert.Single(edits.Dropped).Subject, Assert.Single(edits.Altered).Subject));
        var report = AssertProved("out");
        Assert.Contains(report.Checks, check => check.Outcome == CheckOutcome.Passed && check.Title.StartsWith("/etc/fstab: dropped by the operator", StringComparison.Ordinal) && check.Detail.Contains("Jane Doe", StringComparison.Ordinal));
        Assert.Contains("+", Assert.Single(record.Plan.Changes.OfType<EditFile>(), change => change.Path == "/boot/grub/menu.lst").Diff, StringComparison.Ordinal);

        Tool.MustRun("dd", $"if={Assert.Single(Directory.GetFiles(_scratch["out"], "*-vda.img"))}", $"of={_scratch["root.img"]}", "bs=1M", "skip=1", "status=none");
        Assert.Contains("quiet mitigations=off", Tool.MustRun("debugfs", "-R", "cat /boot/grub/menu.lst", _scratch["root.img"]), StringComparison.Ordinal);
        Assert.Contains("/dev/xvda1 / ext4", Tool.MustRun("debugfs", "-R", "cat /etc/fstab", _scratch["root.img"]), StringComparison.Ordinal);
    }

    [Fact]
    public void An_edit_after_the_sign_off_makes_it_stale()
    {
        PlanDocumentFile.Save(Make(Guest()), _scratch["plan.json"]);
        Assert.Equal("PLD008", Refused(() => PlanDocumentFile.DemandSignOff(Load(), isRequired: true, "plan")));
        PlanDocumentFile.SignOff(_scratch["plan.json"], "Jane Doe", null);
        Assert.Null(PlanDocumentFile.DemandSignOff(Load(), isRequired: true, "plan"));
        Edit(changes => changes[0]["reason"] = "Another.");
        Assert.Equal("PLD006", Refused(() => PlanDocumentFile.DemandSignOff(Load(), isRequired: false, "plan")));
    }

    [Theory]
    [InlineData("/etc/fstab", "has the SHA-256")]
    [InlineData("/etc/inittab", "is new")]
    public void A_guest_that_changed_is_refused_with_the_file(string path, string found)
    {
        var disk = Guest();
        PlanDocumentFile.Save(Make(disk), _scratch["plan.json"]);
        File.WriteAllText(_scratch["new"], "# another\n");
        Tool.MustRun("debugfs", "-w", "-R", $"rm {path}", disk);
        Tool.MustRun("debugfs", "-w", "-R", $"write {_scratch["new"]} {path}", disk);
        var refused = Assert.Throws<DiagnosticException>(() => Convert(disk, "out")).Diagnostic;
        Assert.Equal("PLD004", refused.Id);
        Assert.Contains($"{path} {found}", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_scratch["out"]));
    }

    [Fact]
    public void Another_machine_is_refused()
    {
        var disk = Guest();
        PlanDocumentFile.Save(Make(disk), _scratch["plan.json"]);
        Tool.MustRun("tune2fs", "-U", "random", disk);
        Assert.Equal("PLD005", Refused(() => Convert(disk, "out")));
    }

    [Fact]
    public void Edits_that_contradict_each_other_are_refused()
    {
        var disk = Guest();
        PlanDocumentFile.Save(Make(disk), _scratch["plan.json"]);
        Edit(changes =>
        {
            var wrap = Assert.Single(changes, change => (string?)change["kind"] == "wrapInPartition");
            wrap.Parent?.AsArray().Remove(wrap);
            var loader = Assert.Single(changes, change => (string?)change["kind"] == "installBootloader");
            loader.Parent?.AsArray().Remove(loader);
        });
        var refused = Assert.Throws<DiagnosticException>(() => Convert(disk, "out")).Diagnostic;
        Assert.Equal("PLD009", refused.Id);
        Assert.Contains("lengthBytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_later_change_of_an_edited_file_is_not_applied_blindly()
    {
        var document = PlanSchemaTests.Sample();
        var first = new EditFile { StepId = "a-step", Reason = "r", Path = "/etc/fstab", BeforeSha256 = new string('a', 64), Content = "one\n", Diff = "" };
        var second = first with { BeforeSha256 = System.Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("one\n"u8)), Content = "two\n" };
        DocumentedPlanChain(document, first, second);
        Assert.Equal("PLD009", Refused(() => DocumentedPlanChain(document, second)));
        Assert.Equal("PLD009", Refused(() => DocumentedPlanChain(document, first with { Content = "other\n" }, second)));
    }

    [Fact]
    public void A_secret_does_not_get_into_a_document()
    {
        var plan = PlanSchemaTests.Sample().Plan with { Steps = [new StepOutcome { StepId = "a", Title = "t", Changes = [new WriteFile { StepId = "a", Reason = "r", Path = "/etc/shadow", Content = "root:$6$x:1::::::\n" }] }] };
        Assert.Equal("PLD010", Refused(() => PlanDocumentFile.Save(PlanSchemaTests.Document(plan), _scratch["plan.json"])));
        Assert.False(File.Exists(_scratch["plan.json"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"kind\": 5}")]
    [InlineData("{\"kind\": \"rehost-plan\", \"kind\": \"rehost-plan\"}")]
    [InlineData("{\"plan\": {}, \"estimate\": {}}")]
    public void What_is_no_plan_is_refused(string text)
    {
        File.WriteAllText(_scratch["plan.json"], text);
        Assert.Equal("PLD001", Refused(() => Load()));
    }

    [Fact]
    public void Damage_anywhere_is_refused_or_is_an_edit_that_shows()
    {
        var text = PlanDocumentText.Write(PlanSchemaTests.Sample());
        var random = new Random(7);
        for (var i = 0; i < Fuzzing.Rounds(400); i++)
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(text);
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            File.WriteAllBytes(_scratch["plan.json"], bytes);
            try
            {
                var read = Load();
                Assert.True(PlanDocumentText.Write(read) == text || PlanDocumentFile.DigestOf(read) != read.Digest);
            }
            catch (DiagnosticException e)
            {
                Assert.StartsWith("PLD", e.Diagnostic.Id, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Names_of_the_target_stay_in_its_directory()
    {
        var sample = PlanSchemaTests.Sample();
        foreach (var name in (string[])["../x", "/etc/passwd", "", ".hidden", "a/b", "-rf", "a\nb"])
        {
            Assert.Equal("PLD003", Refused(() => PlanDocumentRules.Demand(sample with { Plan = sample.Plan with { Target = sample.Plan.Target with { Name = name } } }, "p")));
            Assert.Equal("PLD003", Refused(() => PlanDocumentRules.Demand(sample with { Plan = sample.Plan with { Target = sample.Plan.Target with { Disks = [sample.Plan.Target.Disks[0] with { Path = name }] } } }, "p")));
            Assert.Equal("PLD003", Refused(() => PlanDocumentRules.Demand(sample with { Plan = sample.Plan with { HandedOut = [new HandedOutFile("/boot/vmlinuz", name)] } }, "p")));
        }
    }

    public void Dispose() => _scratch.Dispose();

    private static void DocumentedPlanChain(PlanDocument document, params Change[] changes)
        => DocumentedPlan.DemandChains(document with { Plan = document.Plan with { Steps = [new StepOutcome { StepId = "a-step", Title = "t", Changes = [.. changes] }] } });

    private static string Refused(Action action) => Assert.Throws<DiagnosticException>(action).Diagnostic.Id;

    private string Guest()
    {
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n").Text("/etc/shadow", "root:$6$secret:19000:0:99999:7:::\n");
        var disk = SmallGuest.Junk(_scratch["xvda.img"], 48, 11);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, disk);
        return disk;
    }

    private static SourceRequest Request(string disk) => new(disk) { DeviceName = "xvda1", MemoryBytes = 512 << 20, Name = "small" };

    private TargetRequest Target(string output) => new("kvm") { OutputDirectory = _scratch[output], Options = new ConversionOptions { DiskFormat = "raw" } };

    private PlanDocument Make(string disk) => Assert.IsType<PlanDocument>(_migration.Plan(Request(disk), Target("none"), withDocument: true, NoStop).Document);

    private PlanDocument Load() => PlanDocumentFile.Load(_scratch["plan.json"]);

    private ConversionRecord Convert(string disk, string output) => _migration.Convert(new SourceRequest(disk), Target(output), Load(), NoStop);

    private VerificationReport AssertProved(string output)
    {
        var report = _migration.Verify(_scratch[output], null, [], NoStop);
        Assert.True(report.IsProved, string.Join("\n", report.Checks));
        return report;
    }

    private void Edit(Action<List<JsonObject>> edit)
    {
        var document = JsonNode.Parse(File.ReadAllText(_scratch["plan.json"]))!.AsObject();
        edit([.. document["plan"]!["steps"]!.AsArray().SelectMany(step => step!["changes"]!.AsArray()).Select(change => change!.AsObject())]);
        File.WriteAllText(_scratch["plan.json"], document.ToJsonString());
    }
}
