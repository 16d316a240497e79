using System.Globalization;
using System.Text;
using System.Text.Json;
using Rehost.Fuzz.Engine;

namespace Rehost.Fuzz;

/// <summary>Totals over all runs with one corpus directory.</summary>
internal static class FuzzReport
{
    private static readonly JsonSerializerOptions Form = new() { WriteIndented = true };

    public static SortedDictionary<string, CampaignResult> Read(string directory)
    {
        var path = Path.Combine(directory, "totals.json");
        return (File.Exists(path) ? JsonSerializer.Deserialize<SortedDictionary<string, CampaignResult>>(File.ReadAllText(path)) : null) ?? [];
    }

    /// <summary>Adds what one campaign came to.</summary>
    public static void Add(string directory, CampaignResult result)
    {
        var totals = Read(directory);
        var total = totals.GetValueOrDefault(result.Target) ?? new CampaignResult { Target = result.Target };
        totals[result.Target] = result with
        {
            Executions = total.Executions + result.Executions,
            Seconds = total.Seconds + result.Seconds,
            ProcessorSeconds = total.ProcessorSeconds + result.ProcessorSeconds,
            Seeds = Math.Max(total.Seeds, result.Seeds),
            Corpus = Math.Max(total.Corpus, result.Corpus),
            Ids = [.. total.Ids.Union(result.Ids).Order(StringComparer.Ordinal)],
            Findings = [.. total.Findings.Concat(result.Findings).GroupBy(one => one.Key).Select(group => group.Last() with { Count = group.Sum(one => one.Count) })],
        };
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "totals.json.new"), JsonSerializer.Serialize(totals, Form));
        File.Move(Path.Combine(directory, "totals.json.new"), Path.Combine(directory, "totals.json"), overwrite: true);
    }

    /// <summary>A table for people, in Markdown.</summary>
    public static string Table(IReadOnlyDictionary<string, CampaignResult> totals)
    {
        var text = new StringBuilder("| target | executions | seconds | of the processor | per second of it | samples | corpus | diagnostics reached | findings |\n|---|---:|---:|---:|---:|---:|---:|---|---:|\n");
        foreach (var total in totals.Values)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {total.Target} | {total.Executions} | {total.Seconds:0} | {total.ProcessorSeconds:0} | {total.Executions / Math.Max(0.1, total.ProcessorSeconds):0} | {total.Seeds} | {total.Corpus} | {string.Join(' ', total.Ids)} | {total.Findings.Count} |\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"| all {totals.Count} | {totals.Values.Sum(one => one.Executions)} | {totals.Values.Sum(one => one.Seconds):0} | {totals.Values.Sum(one => one.ProcessorSeconds):0} | | | {totals.Values.Sum(one => one.Corpus)} | {totals.Values.SelectMany(one => one.Ids).Distinct().Count()} ids | {totals.Values.Sum(one => one.Findings.Count)} |\n");
        foreach (var finding in totals.Values.SelectMany(one => one.Findings))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n- {finding.Target}: {finding.Key} ({finding.Count} times), {finding.File}");
        }

        return text.Append('\n').ToString();
    }
}
