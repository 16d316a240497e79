using Rehost.Testing;

namespace Rehost.Planning.Tests;

/// <summary>Our diffs are applied by patch(1), which must arrive at the new text.</summary>
public sealed class UnifiedDiffTests
{
    [Fact]
    public void Patch_agrees_on_random_edits()
    {
        var random = new Random(7);
        for (var round = 0; round < 60; round++)
        {
            var before = Enumerable.Range(0, random.Next(0, 60)).Select(_ => $"line {random.Next(12)}").ToList();
            var after = before.ToList();
            for (var edit = random.Next(1, 8); edit > 0; edit--)
            {
                var at = random.Next(after.Count + 1);
                if (random.Next(2) == 0 && at < after.Count)
                {
                    after.RemoveAt(at);
                }
                else
                {
                    after.Insert(at, $"new {random.Next(5)}");
                }
            }

            Check(Join(before, random.Next(4) > 0), Join(after, random.Next(4) > 0));
        }
    }

    private static string Join(List<string> lines, bool newline) => string.Join('\n', lines) + (newline && lines.Count > 0 ? "\n" : "");

    private static void Check(string before, string after)
    {
        var diff = UnifiedDiff.Create("/f", before, after);
        if (before == after)
        {
            Assert.Equal("", diff);
            return;
        }

        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["f"], before);
        File.WriteAllText(scratch["d"], diff);
        Tool.MustRun("patch", "--quiet", scratch["f"], scratch["d"]);
        Assert.Equal(after, File.Exists(scratch["f"]) ? File.ReadAllText(scratch["f"]) : "");
    }
}
