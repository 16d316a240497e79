using Rehost.Blocks;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>
/// Random operations on our XFS code and on a model. After each batch xfs_repair -n must find nothing, and a newly opened file system must hold what the model holds; at the
/// end the kernel's own mount must see the same, and must be able to write.
/// REHOST_PROPERTY_OPERATIONS sets how many operations each profile gets; REHOST_PROPERTY_SEED another seed.
/// </summary>
public sealed class XfsRandomOperations
{
    private const int DefaultOperations = 300;
    private const int Batches = 3;
    private static readonly TimeSpan ShrinkingTime = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Profiles => [.. XfsProfile.All.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_xfs_repair_agrees(string name)
    {
        var profile = XfsProfile.All.Single(candidate => candidate.Name == name);
        var count = (int)(ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", DefaultOperations) * profile.Share);
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
        Assert.Fail($"{name}, seed {seed}, after {log.Count} operations: {failure}\n\nShortened to {shortest.Length} operations: {shortFailure}\n  {string.Join("\n  ", shortLog)}");
    }

    private static string? Run(XfsProfile profile, FileOperation[] operations, int batch, ScratchDirectory scratch, List<string> log)
    {
        var image = profile.Make(scratch);
        using var device = FileDevice.OpenReadWrite(image);

        // Links of 1024 bytes are not possible, whatever the block size.
        using var pair = new ModelledFileSystem(XfsProfile.Open(device), 1024, profile.Farthest);
        try
        {
            pair.Adopt(untouched: "filler");
            for (var i = 0; i < operations.Length; i++)
            {
                log.Add(operations[i].Kind.ToString());
                log[^1] = pair.Apply(operations[i]);
                if ((i + 1) % batch != 0 && i + 1 != operations.Length)
                {
                    continue;
                }

                pair.Subject.Flush();
                if (XfsProfile.FindFault(image) is { } fault)
                {
                    return fault;
                }

                ModelComparison.Compare(pair.Model, pair.Subject);
                pair.Subject.Dispose();
                pair.Subject = XfsProfile.Open(device);
                ModelComparison.Compare(pair.Model, pair.Subject);
                if (pair.Subject.Check() is { Count: > 0 } findings)
                {
                    return "our own check finds: " + findings[0];
                }
            }

            OverwriteFreeSpace(pair.Subject, device);
            if (XfsProfile.FindFault(image) is { } stale)
            {
                return "after free space was overwritten: " + stale;
            }

            CompareWithWitness(profile, pair.Model, image, scratch);
            return profile.BecomesFull && operations.Length > 200 && pair.LimitsReached == 0 ? "the file system was to become full, and did not" : null;
        }
        catch (Exception e) when (e is ConformanceFailure or DiagnosticException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or KeyNotFoundException or NullReferenceException)
        {
            return e.ToString();
        }
    }

    /// <summary>What is said to be free must hold nothing that anybody reads.</summary>
    private static void OverwriteFreeSpace(IFileSystem fileSystem, FileDevice device)
    {
        var junk = new byte[1 << 20];
        new Random(1).NextBytes(junk);
        foreach (var range in fileSystem.GetFreeRanges())
        {
            for (var done = 0L; done < range.Length; done += junk.Length)
            {
                device.Write(new GuestOffset(range.Offset + done), junk.AsSpan(0, (int)Math.Min(junk.Length, range.Length - done)));
            }
        }
    }

    private static void CompareWithWitness(XfsProfile profile, InMemoryFileSystem model, string image, ScratchDirectory scratch)
    {
        if (!profile.IsMountable || !Environment.IsPrivilegedProcess)
        {
            return;
        }

        var directory = Directory.CreateDirectory(scratch["witness"]).FullName;
        using (new Mounted(image, directory, "-o", "loop,ro"))
        {
            MountedTree.Compare(model, directory, scratch["list"], isMount: true);
        }

        if (profile.BecomesFull)
        {
            return;
        }

        // The kernel must be able to go on from here.
        using (new Mounted(image, directory, "-o", "loop"))
        {
            Tool.MustRun("bash", "-c", $"set -e; cd '{directory}'; mkdir -p kernel/sub; for i in $(seq 150); do echo $i > kernel/sub/a-file-of-the-kernel-$i; done; rm -rf $(ls | head -n 5 | grep -E '^n[0-9]+$'); sync; rm -rf kernel/sub");
        }

        if (XfsProfile.FindFault(image) is { } fault)
        {
            throw new ConformanceFailure("after the kernel wrote: " + fault);
        }
    }

    /// <summary>Leaves out ever smaller runs of operations as long as what is left still fails.</summary>
    private static FileOperation[] Shrink(XfsProfile profile, FileOperation[] operations, ScratchDirectory scratch)
    {
        var until = DateTime.UtcNow + ShrinkingTime;
        for (var size = operations.Length / 2; size >= 1; size /= 2)
        {
            for (var start = 0; start < operations.Length && DateTime.UtcNow < until;)
            {
                var shorter = operations.Where((_, index) => index < start || index >= start + size).ToArray();
                var log = new List<string>();
                if (shorter.Length > 0 && Run(profile, shorter, shorter.Length, scratch, log) is not null)
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
