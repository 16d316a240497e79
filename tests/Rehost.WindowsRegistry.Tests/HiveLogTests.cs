using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.WindowsRegistry.Tests;

/// <summary>Hives that were not written completely, and logs of both formats, made from two states of a hive; and one log entry that Windows wrote.</summary>
public sealed class HiveLogTests
{
    private static readonly byte[] Security = [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    private static readonly HiveOpenOptions Options = new();

    [Fact]
    public void The_hashes_of_Windows_are_ours()
    {
        var log = HiveWitness.Unpack("SYSTEM.LOG2.start.xz");
        var entry = log.AsSpan(512, 11776);
        Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(entry[24..]), Marvin32.Compute(entry[40..]));
        Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]), Marvin32.Compute(entry[..32]));

        var (before, _) = MakeStates(0);
        BinaryPrimitives.WriteInt32LittleEndian(before.AsSpan(4), 7);
        Assert.Null(HiveLog.Replay(before, [log])); // of a much larger hive
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hive_is_completed_from_a_log_of_the_old_format(bool isBaseLost)
    {
        var (before, after) = MakeStates(3);
        var torn = Tear(before, after, isBaseLost);
        var log = MakeOldLog(before, after);
        var opened = Hive.Open(torn, new HiveOpenOptions { Logs = [[], new byte[1024], log] });
        Assert.Equal(1, opened.Recovery?.Entries);
        AssertCompleted(opened, after);

        // A log of another time does not apply, nor one that was not finished.
        var other = (byte[])log.Clone();
        BinaryPrimitives.WriteInt64LittleEndian(other.AsSpan(12), 1234567);
        AssertRefused(torn, Rechecksum(other));
        other = (byte[])log.Clone();
        BinaryPrimitives.WriteInt32LittleEndian(other.AsSpan(8), 77);
        AssertRefused(torn, Rechecksum(other));
        other = (byte[])log.Clone();
        other[600]++;
        AssertRefused(torn, other[..700]);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(false, 3)]
    public void A_hive_is_completed_from_entries_of_one_or_two_logs(bool isBaseLost, int entriesInFirst)
    {
        var (before, after) = MakeStates(5);
        var torn = Tear(before, after, isBaseLost);
        var sequence = BaseBlock.PrimarySequence(torn);
        var third = Edit(after, 300);
        var fourth = Edit(third, 500);
        byte[][] states = [before, after, third, fourth];
        var entries = Enumerable.Range(0, 3).Select(i => MakeEntry(states[i], states[i + 1], (isBaseLost ? BaseBlock.PrimarySequence(before) + 1 : sequence) + (uint)i)).ToArray();
        var first = MakeLog(before, isBaseLost ? BaseBlock.PrimarySequence(before) + 1 : sequence, entries[..entriesInFirst]);
        var second = MakeLog(before, sequence + (uint)entriesInFirst, entries[entriesInFirst..]);
        var opened = Hive.Open(torn, new HiveOpenOptions { Logs = [second, first] });
        Assert.Equal(3, opened.Recovery?.Entries);
        AssertCompleted(opened, fourth);

        // An entry that was written in part ends what is taken, and so does a gap.
        var cut = (byte[])first.Clone();
        cut[512 + 100]++;
        if (entriesInFirst == 3)
        {
            AssertRefused(torn, cut);
        }
        else if (!isBaseLost)
        {
            Assert.Equal(1, Hive.Open(torn, new HiveOpenOptions { Logs = [first] }).Recovery?.Entries);
            AssertCompleted(Hive.Open(torn, new HiveOpenOptions { Logs = [first] }), after);
            AssertCompleted(Hive.Open(torn, new HiveOpenOptions { Logs = [first, MakeLog(before, sequence + 2, entries[2..])] }), after);
        }
    }

    [Fact]
    public void A_complete_hive_takes_nothing_from_its_logs()
    {
        var (before, after) = MakeStates(5);
        var log = MakeLog(before, 50, [MakeEntry(before, after, 50)]);
        var opened = Hive.Open(before, new HiveOpenOptions { Logs = [log] });
        Assert.Null(opened.Recovery);
        Assert.Equal(before, opened.ToArray());
    }

    [Fact]
    public void Entries_of_before_the_hive_was_written_are_not_applied()
    {
        var (before, after) = MakeStates(5);
        var torn = Tear(before, before, false);
        var sequence = BaseBlock.PrimarySequence(torn);
        AssertRefused(torn, MakeLog(before, sequence - 1, [MakeEntry(before, after, sequence - 1)]));
    }

    [Fact]
    public void Without_a_log_an_incomplete_hive_is_taken_only_when_that_is_asked_for()
    {
        var (before, after) = MakeStates(5);
        var torn = Tear(before, before, false);
        AssertRefused(torn, []);
        AssertRefused(torn, MakeOldLog(before, after)[..512]);
        var opened = Hive.Open(torn, new HiveOpenOptions { AcceptPendingChanges = true });
        Assert.Null(opened.Recovery);
        var content = opened.ToArray();
        Assert.False(HiveLog.IsDirty(content));
        Assert.Equal(HiveWitness.Describe(Hive.Open(before, Options)), HiveWitness.Describe(Hive.Open(content, Options)));
    }

    private static void AssertRefused(byte[] hive, byte[] log)
        => Assert.Equal("REG005", Assert.Throws<DiagnosticException>(() => Hive.Open(hive, new HiveOpenOptions { Logs = [log] })).Diagnostic.Id);

    private static void AssertCompleted(Hive opened, byte[] expected)
    {
        Assert.Empty(opened.Check());
        Assert.True(opened.IsChanged);
        Assert.Equal(HiveWitness.Describe(Hive.Open(expected, Options)), HiveWitness.Describe(opened));
        var content = opened.ToArray();
        Assert.False(HiveLog.IsDirty(content));
        Assert.Equal(expected.AsSpan(4096 + 32).ToArray(), content[(4096 + 32)..]);
    }

    private static (byte[] Before, byte[] After) MakeStates(int version)
    {
        var hive = Hive.Create("ROOT", Security, DateTimeOffset.UnixEpoch, version == 0 ? 5 : version);
        for (var i = 0; i < 200; i++)
        {
            hive.Root.Create($"key {i}").Set(RegistryValue.OfText("value", $"text {i}"));
        }

        var before = Hive.Open(hive.ToArray(), Options).ToArray();
        return (before, Edit(before, 100));
    }

    private static byte[] Edit(byte[] content, int from)
    {
        var hive = Hive.Open(content, Options);
        for (var i = from; i < from + 150; i++)
        {
            hive.Root.Create($"key {i}").Set(RegistryValue.OfText("value", $"other text {i}"));
        }

        return hive.ToArray();
    }

    /// <summary>The first half of the new bins over the old ones, and a base block that says that writing had begun.</summary>
    private static byte[] Tear(byte[] before, byte[] after, bool isBaseLost)
    {
        var torn = (byte[])before.Clone();
        var half = 4096 + ((before.Length - 4096) / 8192 * 4096);
        after.AsSpan(4096, half - 4096).CopyTo(torn.AsSpan(4096));
        BinaryPrimitives.WriteUInt32LittleEndian(torn.AsSpan(4), BaseBlock.PrimarySequence(before) + 1);
        if (isBaseLost)
        {
            torn[100]++;
            return torn;
        }

        return Rechecksum(torn);
    }

    private static byte[] MakeOldLog(byte[] before, byte[] after)
    {
        var bins = after.Length - 4096;
        var log = new byte[512 + ((4 + (bins / 4096) + 511) / 512 * 512)];
        after.AsSpan(0, 512).CopyTo(log);
        log[28] = BaseBlock.OldLog;
        BinaryPrimitives.WriteInt64LittleEndian(log.AsSpan(12), BaseBlock.Time(before));
        "DIRT"u8.CopyTo(log.AsSpan(512));
        var pages = new List<byte>();
        foreach (var at in DirtyPages(before, after))
        {
            log[516 + (at / 4096)] = 0xFF;
            pages.AddRange(after.AsSpan(4096 + at, 4096));
        }

        return [.. Rechecksum(log), .. pages];
    }

    private static byte[] MakeEntry(byte[] before, byte[] after, uint sequence)
    {
        var dirty = DirtyPages(before, after).ToArray();
        var entry = new byte[(40 + (dirty.Length * (8 + 4096)) + 511) / 512 * 512];
        "HvLE"u8.CopyTo(entry);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(4), entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(12), sequence);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(16), after.Length - 4096);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(20), dirty.Length);
        for (var i = 0; i < dirty.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(40 + (i * 8)), dirty[i]);
            BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(44 + (i * 8)), 4096);
            after.AsSpan(4096 + dirty[i], 4096).CopyTo(entry.AsSpan(40 + (dirty.Length * 8) + (i * 4096)));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(24), Marvin32.Compute(entry.AsSpan(40)));
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(32), Marvin32.Compute(entry.AsSpan(0, 32)));
        return entry;
    }

    private static byte[] MakeLog(byte[] hive, uint sequence, IEnumerable<byte[]> entries)
    {
        var log = hive[..512];
        log[28] = BaseBlock.NewLog;
        BinaryPrimitives.WriteUInt32LittleEndian(log.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(log.AsSpan(8), sequence);
        return [.. Rechecksum(log), .. entries.SelectMany(entry => entry)];
    }

    private static IEnumerable<int> DirtyPages(byte[] before, byte[] after)
        => Enumerable.Range(0, (after.Length - 4096) / 4096).Select(page => page * 4096)
            .Where(at => before.Length < 4096 + at + 4096 || !before.AsSpan(4096 + at, 4096).SequenceEqual(after.AsSpan(4096 + at, 4096)));

    private static byte[] Rechecksum(byte[] block)
    {
        var sum = 0u;
        for (var at = 0; at < 508; at += 4)
        {
            sum ^= BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(at));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(508), sum);
        return block;
    }
}
