using System.Globalization;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>
/// Random operations on our ext code and on a model. After each batch e2fsck must find nothing, and a newly opened file system must hold what the model holds; at the end the
/// kernel's own mount (or debugfs, where it cannot mount) must see the same.
/// REHOST_PROPERTY_OPERATIONS sets how many operations each profile gets; REHOST_PROPERTY_SEED another seed.
/// </summary>
public sealed class ExtRandomOperations
{
    private const int DefaultOperations = 400;
    private const int Batches = 4;
    private static readonly TimeSpan ShrinkingTime = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Profiles => [.. ExtProfile.All.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_e2fsck_agrees(string name)
    {
        var profile = ExtProfile.All.Single(candidate => candidate.Name == name);
        var count = (int)(ReadSetting("REHOST_PROPERTY_OPERATIONS", DefaultOperations) * profile.Share);
        var seed = ReadSetting("REHOST_PROPERTY_SEED", 20050613);
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

    internal static int ReadSetting(string name, int otherwise)
        => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;

    /// <summary>Runs operations on a new image; null when all is well, else what is not.</summary>
    private static string? Run(ExtProfile profile, FileOperation[] operations, int batch, ScratchDirectory scratch, List<string> log)
    {
        var image = scratch["image"];
        Tool.MustRun("sh", "-c", $"rm -f '{image}'; yes stale-junk- | head -c {profile.Mebibytes}M > '{image}'; mke2fs -q -F {profile.Mke2fs} '{image}' && {profile.Afterwards} '{image}'");
        using var device = FileDevice.OpenReadWrite(image);
        using var pair = new ModelledFileSystem(ExtFileSystem.Open(device, new FileSystemOpenOptions()), profile.BlockSize, profile.Farthest);
        ImportRoot(pair);
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
                var check = Tool.Run("e2fsck", "-fn", image);
                if (check.ExitCode != 0)
                {
                    return $"e2fsck exits with {check.ExitCode}:\n{check.Output}{check.Error}";
                }

                ModelComparison.Compare(pair.Model, pair.Subject);
                pair.Subject.Dispose();
                pair.Subject = ExtFileSystem.Open(device, new FileSystemOpenOptions());
                ModelComparison.Compare(pair.Model, pair.Subject);
                var findings = pair.Subject.Check();
                if (findings.Count > 0)
                {
                    return "our own check finds: " + findings[0];
                }
            }

            CompareWithWitness(profile, pair.Model, image, scratch);
            return profile.Name.EndsWith("-full", StringComparison.Ordinal) && operations.Length > 200 && pair.LimitsReached == 0 ? "the file system was to become full, and did not" : null;
        }
        catch (Exception e) when (e is ConformanceFailure or DiagnosticException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or KeyNotFoundException)
        {
            return e.ToString();
        }
    }

    /// <summary>The root's owner is that of who ran mke2fs; lost+found is not in the model and counts as a link of the root.</summary>
    private static void ImportRoot(ModelledFileSystem pair)
    {
        if (pair.Subject.Lookup(pair.Subject.Root, "lost+found") is { } lost)
        {
            pair.Subject.RemoveDirectory(pair.Subject.Root, lost.Name);
        }
    }

    private static void CompareWithWitness(ExtProfile profile, InMemoryFileSystem model, string image, ScratchDirectory scratch)
    {
        var directory = Directory.CreateDirectory(scratch["witness"]).FullName;
        var isRoot = Environment.IsPrivilegedProcess;
        if (profile.IsMountable && isRoot)
        {
            using var mounted = new Mounted(image, directory, "-o", "loop,ro");
            MountedTree.Compare(model, directory, scratch["list"], isMount: true);
            return;
        }

        // debugfs sets owners, and so needs root too; content is compared by the kernel's mount or here, owners in the comparison of our own reading.
        try
        {
            Tool.Run("debugfs", "-R", $"rdump / {directory}", image);
            MountedTree.Compare(model, directory, scratch["list"], isMount: false);
        }
        finally
        {
            Tool.MustRun("rm", "-rf", directory); // .NET cannot remove names that are not UTF-8
        }
    }

    /// <summary>Leaves out ever smaller runs of operations as long as what is left still fails.</summary>
    private static FileOperation[] Shrink(ExtProfile profile, FileOperation[] operations, ScratchDirectory scratch)
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
