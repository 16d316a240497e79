using Rehost.Model;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline.Tests;

/// <summary>The report holds words of the guest, and none of them may become markup.</summary>
public sealed class ReportTextTests
{
    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("``` \n# not a heading")]
    [InlineData("[click](javascript:x)")]
    [InlineData("| a | b |")]
    public void A_guests_words_stay_words(string words)
    {
        var text = ReportText.Write(Record(words));
        foreach (var line in text.Split('\n').Where(line => line.Contains("script", StringComparison.Ordinal) || line.Contains("heading", StringComparison.Ordinal)))
        {
            var outside = System.Text.RegularExpressions.Regex.Replace(line, @"(`+).*?\1|\\.", "");
            Assert.DoesNotContain("<", outside, StringComparison.Ordinal);
            Assert.DoesNotContain("](", outside, StringComparison.Ordinal);
            Assert.False(line.StartsWith("# not", StringComparison.Ordinal), line);
        }
    }

    [Fact]
    public void A_fence_is_longer_than_any_in_the_file_it_shows()
    {
        var text = ReportText.Write(Record("x", "````\nlook\n````\n"));
        Assert.Contains("`````diff", text, StringComparison.Ordinal);
    }

    private static ConversionRecord Record(string words, string content = "text\n")
    {
        var machine = new VirtualMachine { Name = words, Hypervisor = Hypervisor.Xen, Disks = [new VirtualDisk { Id = words, DeviceName = words }] };
        var facts = new GuestFacts
        {
            Machine = machine,
            OperatingSystem = new Model.OperatingSystem { Id = "linux", Name = words, Architecture = "x86_64" },
            Kernels = [new InstalledKernel { Version = words, ImagePath = words }],
            Volumes = [new VolumeFacts { DeviceName = words, DiskId = words, MountPath = words, Uuid = words, Type = "ext4" }],
        };
        return new ConversionRecord
        {
            Source = new SourceRequest(words),
            SourceKind = "xen",
            Facts = facts,
            Plan = new ConversionPlan
            {
                Source = machine,
                Target = machine,
                Capabilities = TargetCapabilities.Kvm,
                Options = new ConversionOptions(),
                Steps = [new StepOutcome { StepId = "x", Title = "Title", Changes = [new WriteFile { StepId = "x", Path = words, Reason = words, Content = content }] }, new StepOutcome { StepId = "y", Title = "Other", SkippedBecause = words }],
                Findings = [new Diagnostic("XXX001", Severity.Warning, FaultKind.Guest, words, words, "Do this.")],
            },
            Disks = [],
            ConfigurationFile = "x.xml",
        };
    }
}
