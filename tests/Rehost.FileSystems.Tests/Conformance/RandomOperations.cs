using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>
/// Random operations on our code and on a model, for file systems with names as Windows has them. After each batch the field's checker must find nothing, and a newly
/// opened file system must hold what the model holds; at the end another implementation must see the same. A failure is shortened.
/// REHOST_PROPERTY_OPERATIONS sets how many operations each profile gets; REHOST_PROPERTY_SEED another seed.
/// </summary>
internal static class RandomOperations
{
    private const int Batches = 4;
    private static readonly TimeSpan ShrinkingTime = TimeSpan.FromSeconds(60);

    public static void Test(RandomProfile profile, int defaultOperations)
    {
        var count = (int)(ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", defaultOperations) * profile.Share);
        var seed = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_SEED", 20050613);
        var operations = FileOperation.Generate(seed, count);
        using var scratch = new ScratchDirectory();
        var log = new List<string>();
        if (Run(profile, operations, Math.Max(50, Math.Min(count / Batches, 400)), scratch, log) is not { } failure)
        {
            return;
        }

        var shortest = Shrink(profile, operations[..log.Count], scratch);
        var shortLog = new List<string>();
        var shortFailure = Run(profile, shortest, shortest.Length, scratch, shortLog);
        Assert.Fail($"{profile.Name}, seed {seed}, after {log.Count} operations: {failure}\n\nShortened to {shortest.Length} operations: {shortFailure}\n  {string.Join("\n  ", shortLog)}");
    }

    private static string? Run(RandomProfile profile, FileOperation[] operations, int batch, ScratchDirectory scratch, List<string> log)
    {
        var image = scratch["image"];
        profile.MakeImage(image);
        using var device = FileDevice.OpenReadWrite(image);
        using var pair = new ModelledFileSystem(profile.Open(device), profile.BlockSize, profile.Farthest, WindowsName.FindFault);
        try
        {
            for (var i = 0; i < operations.Length; i++)
            {
                log.Add(operations[i].Kind.ToString());
                log[^1] = pair.Apply(operations[i]);
                if ((i + 1) % batch != 0 && i + 1 != operations.Length)
                {
                    continue;
                }

                pair.Subject.Flush();
                if (profile.FindFault(image) is { } fault)
                {
                    return fault;
                }

                ModelComparison.Compare(pair.Model, pair.Subject);
                pair.Subject.Dispose();
                pair.Subject = profile.Open(device);
                ModelComparison.Compare(pair.Model, pair.Subject);
                pair.Renumber();
                var findings = pair.Subject.Check();
                if (findings.Count > 0)
                {
                    return "our own check finds: " + findings[0];
                }

                var info = pair.Subject.Info;
                var free = pair.Subject.GetFreeRanges().Sum(range => range.Length);
                if (free != info.TotalBytes - info.UsedBytes)
                {
                    return $"{free} bytes in free ranges, {info.TotalBytes - info.UsedBytes} said to be free";
                }
            }

            profile.CompareWithWitness(pair.Model, image, scratch);
            return profile.BecomesFull && operations.Length > 200 && pair.LimitsReached == 0 ? "the file system was to become full, and did not" : null;
        }
        catch (Exception e) when (e is ConformanceFailure or DiagnosticException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or KeyNotFoundException or NullReferenceException)
        {
            return e.ToString();
        }
    }

    /// <summary>Leaves out ever smaller runs of operations as long as what is left still fails.</summary>
    private static FileOperation[] Shrink(RandomProfile profile, FileOperation[] failing, ScratchDirectory scratch)
    {
        var end = DateTime.UtcNow + ShrinkingTime;
        for (var size = failing.Length / 2; size >= 1; size /= 2)
        {
            for (var start = 0; start < failing.Length && DateTime.UtcNow < end;)
            {
                var candidate = failing.Where((_, index) => index < start || index >= start + size).ToArray();
                if (Run(profile, candidate, Math.Max(1, candidate.Length), scratch, []) is not null)
                {
                    failing = candidate;
                }
                else
                {
                    start += size;
                }
            }
        }

        return failing;
    }
}
