using System.Reflection;
using System.Text;
using Rehost.Model;
using Rehost.Planning;

namespace Rehost.Architecture.Tests;

/// <summary>Generated pages of the documentation: a page that differs from the code fails. REHOST_WRITE_DOCS=1 writes them.</summary>
public sealed class DocumentTests
{
    private static IEnumerable<DiagnosticDescriptor> Descriptors => Directory.GetFiles(AppContext.BaseDirectory, "Rehost.*.dll")
        .Concat(Directory.GetFiles(AppContext.BaseDirectory, "rehost.dll"))
        .Where(path => !path.EndsWith("Tests.dll", StringComparison.Ordinal))
        .Select(Assembly.LoadFrom)
        .SelectMany(assembly => assembly.GetTypes())
        .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
        .Where(member => member.FieldType == typeof(DiagnosticDescriptor))
        .Select(member => (DiagnosticDescriptor)member.GetValue(null)!)
        .OrderBy(descriptor => descriptor.Id, StringComparer.Ordinal);

    [Fact]
    public void Diagnostic_ids_are_unique_and_well_formed()
    {
        var ids = Descriptors.Select(descriptor => descriptor.Id).ToList();
        Assert.Equal(ids.Distinct(StringComparer.Ordinal), ids);
        Assert.All(ids, id => Assert.Matches("^[A-Z]{3,4}[0-9]{3}$", id));
        Assert.All(Descriptors, descriptor => Assert.True(descriptor.NextStep.Length > 20, $"{descriptor.Id} does not say what to do next"));
    }

    [Fact]
    public void The_page_of_diagnostics_is_true()
    {
        var page = new StringBuilder("# Diagnostics\n\nEvery finding has a stable id. Generated from the code.\n\n| id | severity | fault | what | what to do |\n|---|---|---|---|---|\n");
        foreach (var descriptor in Descriptors)
        {
            page.Append(System.Globalization.CultureInfo.InvariantCulture, $"| {descriptor.Id} | {descriptor.Severity} | {descriptor.Fault} | {Cell(descriptor.Title)} | {Cell(descriptor.NextStep)} |\n");
        }

        Check("docs/diagnostics.md", page.ToString());
    }

    [Fact]
    public void The_page_of_steps_is_true()
    {
        var page = new StringBuilder("# Conversion steps\n\nIn the order in which they plan. Each looks at facts alone; each change carries its step, its reason and the requirements it fulfils. Generated from the code.\n");
        foreach (var step in ConversionSteps.All)
        {
            page.Append(System.Globalization.CultureInfo.InvariantCulture, $"\n## {step.Title}\n\n`{step.Id}`, fulfils {string.Join(", ", step.Requirements)}\n\n{step.Description}\n");
            if (!step.Reads.IsEmpty)
            {
                page.Append(System.Globalization.CultureInfo.InvariantCulture, $"\nReads: {string.Join(", ", step.Reads.Select(path => $"`{path}`"))}\n");
            }
        }

        Check("docs/steps.md", page.ToString());
    }

    [Fact]
    public void Every_step_is_tested()
    {
        var tests = string.Concat(Repository.SourceFiles("tests/Rehost.Planning.Tests").Select(File.ReadAllText));
        Assert.All(ConversionSteps.All, step => Assert.True(tests.Contains($"\"{step.Id}\"", StringComparison.Ordinal), $"no test names the step {step.Id}"));
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    private static void Check(string path, string content)
    {
        var full = Path.Combine(Repository.Root, path);
        if (Environment.GetEnvironmentVariable("REHOST_WRITE_DOCS") == "1")
        {
            File.WriteAllText(full, content);
        }

        Assert.True(File.Exists(full) && File.ReadAllText(full) == content, $"{path} differs from the code: run the architecture tests with REHOST_WRITE_DOCS=1");
    }
}
