using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>
/// Random operations on our code and on a model. After each batch the field's checker must find nothing, and a newly opened file system must hold what the model holds; at
/// the end another implementation must see the same. A failure is shortened.
/// REHOST_PROPERTY_OPERATIONS sets how many operations each profile gets; REHOST_PROPERTY_SEED another seed.
/// </summary>
internal static class RandomOperations
{
    private static readonly TimeSpan ShrinkingTime = TimeSpan.FromSeconds(60);

    public static void Test(ModelledProfile profile, int defaultOperations)
    {
        var count = (int)(ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", defaultOperations) * profile.Share);
        var seed = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_SEED", 20050613);
        var log = new List<string>();
        var operations = FileOperation.Generate(seed, count);
        if (Run(profile, operations, Math.Max(50, Math.Min(count / profile.Batches, 400)), log) is not { } failure)
        {
            return;
        }

        var shortest = Shrink(profile, operations[..log.Count]);
        var shortLog = new List<string>();
        var shortFailure = Run(profile, shortest, shortest.Length, shortLog);
        Assert.Fail($"{profile.Name}, seed {seed}, after {log.Count} operations: {failure}\n\nShortened to {shortest.Length} operations: {shortFailure}\n  {string.Join("\n  ", shortLog)}");
    }

    /// <summary>Runs operations on a new image; null when all is well, else what is not.</summary>
    private static string? Run(ModelledProfile profile, FileOperation[] operations, int batch, List<string> log)
    {
        using var scratch = new ScratchDirectory();
        using var image = profile.Make(scratch);
        using var pair = new ModelledFileSystem(image.Open(), profile.BlockSize, profile.Farthest, profile.FindNameFault);
        try
        {
            image.Adopt(pair);
            for (var i = 0; i < operations.Length; i++)
            {
                log.Add(operations[i].Kind.ToString());
                log[^1] = pair.Apply(operations[i]);
                if (((i + 1) % batch == 0 || i + 1 == operations.Length) && CheckBatch(profile, image, pair) is { } fault)
                {
                    return fault;
                }
            }

            image.CompareAtEnd(pair.Model, pair.Subject);
            return profile.BecomesFull && operations.Length > 200 && pair.LimitsReached == 0 ? "the file system was to become full, and did not" : null;
        }
        catch (Exception e) when (e is ConformanceFailure or DiagnosticException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or KeyNotFoundException or NullReferenceException)
        {
            return e.ToString();
        }
    }

    private static string? CheckBatch(ModelledProfile profile, ImageUnderTest image, ModelledFileSystem pair)
    {
        ModelComparison.Compare(pair.Model, pair.Subject);
        pair.Subject.Flush();
        ModelComparison.Compare(pair.Model, pair.Subject);
        pair.Subject.Dispose();
        image.Close();
        if (image.FindFault() is { } fault)
        {
            return fault;
        }

        image.CompareAfterBatch(pair.Model);
        pair.Subject = image.Open();
        ModelComparison.Compare(pair.Model, pair.Subject);
        if (!profile.NumbersLast)
        {
            pair.Renumber();
        }

        return pair.Subject.Check() is { Count: > 0 } findings ? "our own check finds: " + findings[0] : image.FindFaultAfterBatch(pair.Subject);
    }

    /// <summary>Leaves out ever smaller runs of operations as long as what is left still fails.</summary>
    private static FileOperation[] Shrink(ModelledProfile profile, FileOperation[] operations)
    {
        var until = DateTime.UtcNow + ShrinkingTime;
        for (var size = operations.Length / 2; size >= 1; size /= 2)
        {
            for (var start = 0; start < operations.Length && DateTime.UtcNow < until;)
            {
                var shorter = operations.Where((_, index) => index < start || index >= start + size).ToArray();
                var log = new List<string>();
                if (shorter.Length > 0 && Run(profile, shorter, shorter.Length, log) is not null)
                {
                    operations = shorter[..Math.Min(log.Count, shorter.Length)];
                }
                else
                {
                    start += size;
                }
            }
        }

        return operations;
    }
}
