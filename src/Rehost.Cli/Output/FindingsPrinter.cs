using Rehost.Model;

namespace Rehost.Cli.Output;

/// <summary>Findings for people: what, and what to do next.</summary>
internal static class FindingsPrinter
{
    public static void Print(TextWriter writer, IEnumerable<Diagnostic> findings)
    {
        foreach (var finding in findings)
        {
            var mark = finding.Severity switch
            {
                Severity.Error => "error",
                Severity.Warning => "warning",
                _ => "note",
            };
            writer.WriteLine(TerminalText.Clean($"{mark} {finding}"));
            writer.WriteLine(TerminalText.Clean($"  → {finding.NextStep}"));
        }
    }
}
