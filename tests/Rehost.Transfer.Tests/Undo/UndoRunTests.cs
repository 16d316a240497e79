using Rehost.Model;
using Rehost.Testing;
using Rehost.Transfer.Undo;

namespace Rehost.Transfer.Tests.Undo;

/// <summary>Applying in place and undoing, with the power failing at every operation of either.</summary>
public sealed class UndoRunTests
{
    private static readonly CancellationToken NoStop = CancellationToken.None;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, Fuzzing.Rounds(60))];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_edits_are_applied_and_undone_to_the_byte(int seed)
    {
        var world = World(seed, out var sample, out var disks, out var medium);
        Run(medium, disks, run => run.Apply(NoStop));
        Assert.All(sample.Disks.Zip(disks), pair => Assert.Equal(pair.First.After, pair.Second.Content));
        Run(medium, disks, run => Assert.Empty(run.Check(null, NoStop)));
        Run(medium, disks, run => run.Undo(NoStop));
        AssertUndone(sample, disks);
        Run(medium, disks, run => Assert.Empty(run.Check(null, NoStop)));
        _ = world;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Power_that_fails_at_any_write_of_apply_leaves_what_can_be_undone_and_gone_on_with(int seed)
    {
        var operations = Operations(seed, undone: false);
        for (var failing = seed % 3; failing < operations; failing += seed <= 12 ? 1 : 7)
        {
            var world = World(seed, out var sample, out var disks, out var medium);
            Fail(world, failing, medium, disks, run => run.Apply(NoStop));

            // Undone, with the power failing once more on the way.
            Fail(world, world.Random.Next((int)operations * 2), medium, disks, run =>
            {
                Assert.Empty(run.Check(null, NoStop));
                run.Undo(NoStop);
            });
            if (world.Random.Next(2) == 0)
            {
                // Or gone on with after all, from the middle of the undo.
                Run(medium, disks, run =>
                {
                    Assert.Empty(run.Check(null, NoStop));
                    run.Apply(NoStop);
                });
                Assert.All(sample.Disks.Zip(disks), pair => Assert.Equal(pair.First.After, pair.Second.Content));
            }

            Run(medium, disks, run =>
            {
                Assert.Empty(run.Check(null, NoStop));
                run.Undo(NoStop);
            });
            AssertUndone(sample, disks);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Power_that_fails_at_any_write_of_undo_leaves_what_can_be_undone(int seed)
    {
        var operations = Operations(seed, undone: true);
        for (var failing = seed % 3; failing < operations; failing += seed <= 12 ? 1 : 7)
        {
            var world = World(seed, out var sample, out var disks, out var medium);
            Run(medium, disks, run => run.Apply(NoStop));
            Fail(world, failing, medium, disks, run => run.Undo(NoStop));
            Fail(world, world.Random.Next((int)operations), medium, disks, run => run.Undo(NoStop));
            Run(medium, disks, run =>
            {
                Assert.Empty(run.Check(null, NoStop));
                run.Undo(NoStop);
            });
            AssertUndone(sample, disks);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_byte_that_somebody_else_wrote_is_found(int seed)
    {
        var world = World(seed, out var sample, out var disks, out var medium);
        Run(medium, disks, run => run.Apply(NoStop));
        var (disk, about) = (disks[0], sample.Disks[0].About);
        for (var i = 0; i < 20; i++)
        {
            var at = world.Random.Next((int)about.LengthAfter);
            disk.Content[at] ^= 0x40;
            Run(medium, disks, run => Assert.True(!run.Check(null, NoStop).IsEmpty, $"the byte {at} was not missed"));
            disk.Content[at] ^= 0x40;
        }

        Run(medium, disks, run => Assert.Empty(run.Check(null, NoStop)));
    }

    [Fact]
    public void Every_damaged_byte_of_a_journal_is_found_before_a_disk_is_touched()
    {
        var sample = new UndoCase(3);
        for (var at = 0; at < sample.Journal.Length; at += at < 4096 ? 1 : 61)
        {
            var journal = (byte[])[.. sample.Journal];
            journal[at] ^= 0x20;
            var refused = Assert.Throws<DiagnosticException>(() => UndoJournal.Open(new CrashWorld(1).AddMedium(journal))).Diagnostic;
            Assert.True(refused.Id is "UND001" or "UND009", refused.ToString());
        }

        for (var length = 0; length < sample.Journal.Length; length += 97)
        {
            Assert.Equal("UND001", Assert.Throws<DiagnosticException>(() => UndoJournal.Open(new CrashWorld(1).AddMedium(sample.Journal[..length]))).Diagnostic.Id);
        }
    }

    [Fact]
    public void A_torn_record_of_progress_is_cut_off()
    {
        World(5, out _, out var disks, out var medium);
        Run(medium, disks, run => run.Apply(NoStop));
        var whole = medium.Content;
        for (var cut = 1; cut < 32; cut++)
        {
            using var journal = UndoJournal.Open(new CrashWorld(1).AddMedium(whole[..^cut]));
            Assert.Equal(UndoState.Applying, journal.State);
        }

        // Garbage in the place of a record is no record.
        using var garbage = UndoJournal.Open(new CrashWorld(1).AddMedium([.. whole[..^32], .. new byte[32]]));
        Assert.Equal(UndoState.Applying, garbage.State);
    }

    [Fact]
    public void A_disk_of_another_length_is_refused()
    {
        World(7, out _, out var disks, out var medium);
        Run(medium, disks, run => run.Apply(NoStop));
        disks[0].SetLength(disks[0].Length + 512);
        Run(medium, disks, run => Assert.Equal("UND006", Assert.Throws<DiagnosticException>(() => run.Check(null, NoStop)).Diagnostic.Id));
    }

    private static CrashWorld World(int seed, out UndoCase sample, out List<CrashDisk> disks, out CrashMedium medium)
    {
        var world = new CrashWorld(seed);
        sample = new UndoCase(seed);
        disks = [.. sample.Disks.Select(disk => world.AddDisk(disk.Before))];
        medium = world.AddMedium(sample.Journal);
        return world;
    }

    private static long Operations(int seed, bool undone)
    {
        var world = World(seed, out _, out var disks, out var medium);
        Run(medium, disks, run => run.Apply(NoStop));
        if (undone)
        {
            world.Operations = 0;
            Run(medium, disks, run => run.Undo(NoStop));
        }

        return world.Operations;
    }

    private static void Fail(CrashWorld world, long operation, CrashMedium medium, List<CrashDisk> disks, Action<UndoRun> action)
    {
        world.FailAt(operation);
        try
        {
            Run(medium, disks, action);
        }
        catch (CrashWorld.PowerFailure)
        {
            // What the test is about.
        }

        world.FailAt(null);
    }

    private static void Run(CrashMedium medium, List<CrashDisk> disks, Action<UndoRun> action)
    {
        using var journal = UndoJournal.Open(medium);
        action(new UndoRun(journal, disks));
    }

    private static void AssertUndone(UndoCase sample, List<CrashDisk> disks) => Assert.All(sample.Disks.Zip(disks), pair => Assert.Equal(pair.First.Before, pair.Second.Content));
}
