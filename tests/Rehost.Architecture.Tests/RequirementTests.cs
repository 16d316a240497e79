using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Rehost.Planning;

namespace Rehost.Architecture.Tests;

/// <summary>docs/requirements.md: every number with the steps that fulfil it, the tests that prove it, or the reason why neither is needed. A number without any fails.</summary>
public sealed partial class RequirementTests
{
    private static readonly List<(string Id, string What, string Note)> List = [.. File.ReadAllLines(Path.Combine(Repository.Root, "tests/Rehost.Architecture.Tests/requirements.txt"))
        .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('|')).Select(fields => (fields[0].Trim(), fields[1].Trim(), fields[2].Trim()))];

    [Fact]
    public void The_page_of_requirements_is_true()
    {
        var tests = Annotations();
        var page = new StringBuilder("# Requirements\n\nWhat published accounts of five migrations ask for, and where each item is met. S0: VMware to XenServer. S1: Xen PV to KVM. S2: a real machine to Xen PV. S3: Xen to OpenStack. S4: XVA to plain Xen. "
            + "X: what they share. Generated from the steps' own lists, the tests' annotations (`[Requirement(\"S1.33\")]`, or the number in a comment beside the test) and the notes in tests/Rehost.Architecture.Tests/requirements.txt; a number that nothing meets fails the build.\n\n"
            + "| number | what | steps | tests | otherwise |\n|---|---|---|---|---|\n");
        foreach (var (id, what, note) in List)
        {
            var steps = ConversionSteps.All.Where(step => step.Requirements.Contains(id)).Select(step => $"[{step.Id}](steps.md)");
            var names = tests.GetValueOrDefault(id, []);
            var shown = names.Take(4).Concat(names.Count > 4 ? [string.Create(CultureInfo.InvariantCulture, $"and {names.Count - 4} more")] : []);
            page.Append(CultureInfo.InvariantCulture, $"| {id} | {what} | {string.Join(", ", steps)} | {string.Join(", ", shown)} | {note} |\n");
        }

        var path = Path.Combine(Repository.Root, "docs/requirements.md");
        if (Environment.GetEnvironmentVariable("REHOST_WRITE_DOCS") == "1")
        {
            File.WriteAllText(path, page.ToString());
        }

        Assert.True(File.Exists(path) && File.ReadAllText(path) == page.ToString(), "docs/requirements.md differs from the code: run the architecture tests with REHOST_WRITE_DOCS=1");
    }

    [Fact]
    public void Every_requirement_is_met_or_explained()
    {
        var tests = Annotations();
        var open = List.Where(item => item.Note.Length == 0 && !tests.ContainsKey(item.Id) && !ConversionSteps.All.Any(step => step.Requirements.Contains(item.Id))).Select(item => item.Id);
        Assert.Empty(open);
        Assert.All(List.Where(item => item.Note.Length > 0), item => Assert.Matches("^(by|not): .{5,}$", item.Note));
    }

    [Fact]
    public void Every_number_that_is_named_is_one_of_the_list()
    {
        var known = List.Select(item => item.Id).ToHashSet(StringComparer.Ordinal);
        Assert.Equal(List.Count, known.Count);
        Assert.Empty(ConversionSteps.All.SelectMany(step => step.Requirements).Concat(Annotations().Keys).Where(id => !known.Contains(id)).Distinct(StringComparer.Ordinal));
    }

    // Read from the sources: the annotation stands above the method or class that it is for, a number in a comment on its line or in its summary.
    private static Dictionary<string, List<string>> Annotations()
    {
        var found = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var file in Repository.SourceFiles("tests").Where(path => !path.Contains("Rehost.Architecture.Tests", StringComparison.Ordinal) && !path.Contains("Rehost.Testing", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var pending = new List<string>();
            var type = Path.GetFileNameWithoutExtension(file);
            string? last = null;
            foreach (var line in File.ReadLines(file))
            {
                if (Annotation().Match(line) is { Success: true } annotation)
                {
                    pending.AddRange(Number().Matches(annotation.Value).Select(match => match.Value));
                }
                else if (line.TrimStart().StartsWith("///", StringComparison.Ordinal))
                {
                    pending.AddRange(Number().Matches(line).Select(match => match.Value));
                }

                var method = Method().Match(line);
                if (!method.Success)
                {
                    if (line.Trim().Length == 0 || line.Trim() is "{" or "}")
                    {
                        pending.Clear();
                    }

                    if (last is not null && line.IndexOf("// ", StringComparison.Ordinal) is >= 0 and var comment && !line.TrimStart().StartsWith("///", StringComparison.Ordinal))
                    {
                        Add(found, Number().Matches(line[comment..]).Select(match => match.Value), last);
                    }

                    continue;
                }

                pending.AddRange(Number().Matches(line).Select(match => match.Value));
                var name = method.Groups["method"].Success ? $"{type}.{method.Groups["method"].Value}" : type;
                Add(found, pending, name);
                last = name;
                pending.Clear();
            }
        }

        return found;
    }

    private static void Add(Dictionary<string, List<string>> found, IEnumerable<string> ids, string name)
    {
        foreach (var id in ids.Distinct(StringComparer.Ordinal))
        {
            found.TryAdd(id, []);
            if (!found[id].Contains(name))
            {
                found[id].Add(name);
            }
        }
    }

    [GeneratedRegex("""^\s*\[Requirement\([^)]*\)\]""", RegexOptions.CultureInvariant)]
    private static partial Regex Annotation();

    [GeneratedRegex(@"\b(S[0-4]\.[0-9]+|X\.[0-9]+)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Number();

    [GeneratedRegex(@"^\s*(public|internal)\s+(async\s+)?((void|Task)\s+(?<method>\w+)\(|(sealed|static|abstract|partial|\s)*class\s)", RegexOptions.CultureInvariant)]
    private static partial Regex Method();
}
