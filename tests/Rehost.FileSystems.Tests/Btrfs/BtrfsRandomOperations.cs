using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>
/// Random operations on our Btrfs code and on a model. After each batch btrfs check must find nothing, also in the content; a newly opened file system and the kernel's mount
/// must hold what the model holds; the kernel writes too, makes a snapshot, and scrubs. Snapshots made before must hold what they held.
/// REHOST_PROPERTY_OPERATIONS sets how many operations each profile gets; REHOST_PROPERTY_SEED another seed.
/// </summary>
public sealed class BtrfsRandomOperations
{
    private const int DefaultOperations = 160;
    private const int Batches = 2;
    private static readonly TimeSpan ShrinkingTime = TimeSpan.FromSeconds(90);

    public static TheoryData<string> Profiles => [.. BtrfsProfile.All.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_btrfs_check_and_the_kernel_agree(string name)
    {
        var profile = BtrfsProfile.All.Single(candidate => candidate.Name == name);
        var count = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", DefaultOperations);
        var seed = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_SEED", 20050613);
        var operations = FileOperation.Generate(seed, count);
        var log = new List<string>();
        if (Run(profile, operations, Math.Max(40, count / Batches), log) is not { } failure)
        {
            return;
        }

        var shortest = Shrink(profile, operations[..log.Count]);
        var shortLog = new List<string>();
        var shortFailure = Run(profile, shortest, shortest.Length, shortLog);
        Assert.Fail($"{name}, seed {seed}, after {log.Count} operations: {failure}\n\nShortened to {shortest.Length} operations: {shortFailure}\n  {string.Join("\n  ", shortLog)}");
    }

    private static string? Run(BtrfsProfile profile, FileOperation[] operations, int batch, List<string> log)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, profile.Mkfs, profile.Devices, profile.Mebibytes);
        if (profile.HasSnapshots)
        {
            disks.Fill(profile.MountOptions, $$"""
                btrfs -q subvolume create @; {{profile.Setup}}
                btrfs subvolume set-default $(btrfs subvolume list . | awk '$NF == "@" { print $2 }') .
                """);
        }

        var subject = disks.OpenToWrite();
        using var pair = new ModelledFileSystem(subject, profile.BlockSize, 600_000_000);
        var snapshots = new List<string>();
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

                ModelComparison.Compare(pair.Model, pair.Subject);
                pair.Subject.Flush();
                ModelComparison.Compare(pair.Model, pair.Subject);
                pair.Subject.Dispose();
                disks.Close();
                if (disks.FindFault() is { } fault)
                {
                    return fault;
                }

                CompareWithKernel(profile, disks, pair.Model, scratch, snapshots);
                subject = disks.OpenToWrite();
                pair.Subject = subject;
                ModelComparison.Compare(pair.Model, pair.Subject);
                pair.Renumber();
                var findings = pair.Subject.Check();
                if (findings.Count > 0)
                {
                    return "our own check finds: " + findings[0];
                }
            }

            return profile.BecomesFull && operations.Length > 200 && pair.LimitsReached == 0 ? "the file system was to become full, and did not" : null;
        }
        catch (Exception e) when (e is ConformanceFailure or DiagnosticException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or KeyNotFoundException or NullReferenceException)
        {
            return e.ToString();
        }
    }

    private static void CompareWithKernel(BtrfsProfile profile, BtrfsImage disks, InMemoryFileSystem model, ScratchDirectory scratch, List<string> snapshots)
    {
        using (disks.Mount("ro"))
        {
            MountedTree.Compare(model, disks.MountPoint, scratch["list"], isMount: true);
        }

        var options = profile.MountOptions.Length > 0 ? profile.MountOptions + "," : "";
        using (disks.Mount(options + "subvolid=5"))
        {
            var at = disks.MountPoint;
            for (var i = 0; i < snapshots.Count; i++)
            {
                ModelComparison.Demand(Manifest(at, i) == snapshots[i], $"snapshot {i}", "does not hold what it held");
            }

            if (profile.HasSnapshots)
            {
                Tool.MustRun("btrfs", "-q", "subvolume", "snapshot", $"{at}/@", $"{at}/snap{snapshots.Count}");
                snapshots.Add(Manifest(at, snapshots.Count));
            }

            if (!profile.BecomesFull)
            {
                Tool.MustRun("sh", "-c", $"cd '{at}' && seq 3000 > kernel-wrote && sync && rm kernel-wrote");
            }

            var scrub = Tool.MustRun("btrfs", "scrub", "start", "-B", at);
            ModelComparison.Demand(scrub.Contains("no errors found", StringComparison.Ordinal), "scrub", scrub);
        }
    }

    private static string Manifest(string directory, int snapshot)
        => Tool.MustRun("sh", "-c", $"cd '{directory}/snap{snapshot}' && (find . -printf '%P %y %m %U %G %s %n %l %T@\\n' | sort; find . -type f -size -20000k -print0 | sort -z | xargs -0r sha256sum; getfattr -Rhd -m- . 2>/dev/null) | sha256sum");

    /// <summary>Leaves out ever smaller runs of operations as long as what is left still fails.</summary>
    private static FileOperation[] Shrink(BtrfsProfile profile, FileOperation[] operations)
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
