using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Rehost.Architecture.Tests;

/// <summary>References point one way: docs/architecture.md has the same table.</summary>
public sealed partial class LayerTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Model"] = [],
        ["Blocks"] = ["Model"],
        ["Archives"] = ["Model", "Blocks"],
        ["DiskFormats"] = ["Model", "Blocks", "Archives"],
        ["Volumes"] = ["Model", "Blocks"],
        ["FileSystems"] = ["Model", "Blocks", "Archives"],
        ["WindowsRegistry"] = ["Model"],
        ["Hypervisors"] = ["Model", "Blocks", "DiskFormats"],
        ["Remote"] = ["Model", "Blocks", "DiskFormats", "Hypervisors"],
        ["Inspection"] = ["Model", "Blocks", "Archives", "Volumes", "FileSystems", "WindowsRegistry"],
        ["Planning"] = ["Model"],
        ["Conversion"] = ["Model", "Blocks", "Archives", "Volumes", "FileSystems", "WindowsRegistry"],
        ["Transfer"] = ["Model", "Blocks", "DiskFormats"],
        ["Proof"] = ["Model", "Blocks", "DiskFormats", "Volumes", "FileSystems", "Inspection", "Transfer", "Hypervisors"],
        ["Pipeline"] = ["Model", "Blocks", "Archives", "DiskFormats", "Volumes", "FileSystems", "WindowsRegistry", "Hypervisors", "Inspection", "Planning", "Conversion", "Transfer", "Proof", "Remote"],
        ["Cli"] = ["Model", "Pipeline", "Proof", "Planning", "Remote"],
    };

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(path => Path.GetFileName(path)["Rehost.".Length..])];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_layer_references_only_what_is_below_it(string layer)
    {
        Assert.True(Allowed.ContainsKey(layer), $"{layer} is a new layer: give it a place in this table and in docs/architecture.md");
        var project = XDocument.Load(Path.Combine(Repository.Root, "src", $"Rehost.{layer}", $"Rehost.{layer}.csproj"));
        var references = project.Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension((string?)reference.Attribute("Include") ?? "")["Rehost.".Length..]);
        Assert.Empty(references.Except(Allowed[layer]));
    }

    [Fact]
    public void Planning_cannot_reach_files_processes_network_clock_or_chance()
    {
        var project = File.ReadAllText(Path.Combine(Repository.Root, "src/Rehost.Planning/Rehost.Planning.csproj"));
        Assert.Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", project, StringComparison.Ordinal);
        var banned = File.ReadAllText(Path.Combine(Repository.Root, "build/banned-planning.txt"));
        Assert.All(new[] { "N:System.IO", "N:System.Net", "T:System.Diagnostics.Process", "T:System.Random", "T:System.TimeProvider", "P:System.DateTime.UtcNow" },
            symbol => Assert.Contains(symbol + ";", banned, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Rehost.DiskFormats")]
    [InlineData("Rehost.FileSystems")]
    [InlineData("Rehost.Volumes")]
    [InlineData("Rehost.Archives")]
    [InlineData("Rehost.Inspection")]
    [InlineData("Rehost.WindowsRegistry")]
    public void Parsers_see_devices_and_never_host_files(string project)
    {
        foreach (var path in Repository.SourceFiles(Path.Combine("src", project)).Where(path => !path.EndsWith("CommittedFile.cs", StringComparison.Ordinal)))
        {
            var text = File.ReadAllText(path);
            Assert.False(HostFile().IsMatch(text), path);
        }
    }

    [GeneratedRegex(@"(?<![\w.])File\.(Open|Read)|new FileStream", RegexOptions.CultureInvariant)]
    private static partial Regex HostFile();
}
