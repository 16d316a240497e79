using Rehost.Blocks;
using Rehost.Model;
using Rehost.Transfer.Undo;

namespace Rehost.Transfer.Tests.Undo;

/// <summary>Disks before and after, made from a seed: edits anywhere, growth, content that moves up, stretches of zeros, pages that are written as they were.</summary>
internal sealed class UndoCase
{
    private static readonly CancellationToken NoStop = CancellationToken.None;

    public UndoCase(int seed)
    {
        var random = new Random(seed);
        for (var index = 0; index < random.Next(1, 3); index++)
        {
            Add(random, index);
        }

        var file = new MemoryImageFile();
        var differences = Disks.Select((disk, index) => new UndoDifference(index, new MemoryDevice([.. disk.Before]), new MemoryDevice([.. disk.After]), [.. disk.Changed], disk.About.MoveFrom, disk.About.MoveBy)).ToList();
        UndoJournalWriter.Write(file, new UndoDescription { PlanDigest = "p", Machine = "m", Disks = [.. Disks.Select(disk => disk.About)] }, () => differences.SelectMany(one => one.Ranges(NoStop)));
        Journal = file.Content;
    }

    public List<(byte[] Before, byte[] After, List<ByteRange> Changed, UndoDisk About)> Disks { get; } = [];

    public byte[] Journal { get; }

    private void Add(Random random, int index)
    {
        var before = new byte[(random.Next(8, 40) * 1024) + (random.Next(4) == 0 ? 512 * random.Next(3) : 0)];
        random.NextBytes(before);
        for (var i = random.Next(3); i > 0; i--)
        {
            before.AsSpan(random.Next(before.Length / 2), random.Next(before.Length / 2)).Clear();
        }

        var moveBy = random.Next(2) == 0 ? 0 : 512 * random.Next(1, 24);
        var moveFrom = moveBy == 0 || random.Next(2) == 0 ? 0 : 512 * random.Next(1, 8);
        var after = new byte[before.Length + moveBy + (random.Next(3) == 0 ? 4096 * random.Next(1, 4) : 0)];
        before.AsSpan(moveFrom).CopyTo(after.AsSpan(moveFrom + moveBy));
        var changed = new List<ByteRange>();
        void Change(int offset, int length)
        {
            changed.Add(new ByteRange(offset, length));
            if (random.Next(5) > 0)
            {
                random.NextBytes(after.AsSpan(offset, length));
                if (random.Next(4) == 0)
                {
                    after.AsSpan(offset, length).Clear();
                }
            }
        }

        if (moveBy > 0)
        {
            Change(0, moveFrom + moveBy);
        }

        for (var at = moveFrom + moveBy + (512 * random.Next(20)); at < before.Length + moveBy - 6000; at += 6000 + (512 * random.Next(20)))
        {
            Change(at, random.Next(1, 6000));
        }

        if (after.Length > before.Length + moveBy)
        {
            Change(before.Length + moveBy, after.Length - before.Length - moveBy);
        }

        var hashes = UndoSegments.Of(new MemoryDevice([.. before]), null, NoStop);
        Disks.Add((before, after, changed, new UndoDisk
        {
            Path = $"/d{index}",
            Name = $"d{index}",
            LengthBefore = before.Length,
            LengthAfter = after.Length,
            Sha256Before = hashes.Sha256,
            Segments = Convert.ToBase64String(hashes.Segments),
            MoveFrom = moveFrom,
            MoveBy = moveBy,
        }));
    }
}
