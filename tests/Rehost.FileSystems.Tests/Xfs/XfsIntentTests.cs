using Rehost.Blocks;
using Rehost.FileSystems.Xfs;
using Rehost.FileSystems.Xfs.Writing;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>
/// Changes that were announced and not made. Each case leaves a file system half done, as a machine does that stops between two transactions of one operation, with the intent
/// in its log and no done item; afterwards xfs_repair must find nothing, as after the kernel's own recovery.
/// </summary>
public sealed class XfsIntentTests
{
    private const string WithEverything = "-m rmapbt=1";
    private const string Version4 = "-m crc=0,finobt=0 -n ftype=0 -i size=256";
    private const uint UnwrittenMap = 1u << 30;

    public static TheoryData<string, string> Cases => new()
    {
        { "free extents", WithEverything },
        { "free extents", "-m crc=1,finobt=0,rmapbt=0,reflink=0 -i sparse=0" },
        { "free extents", Version4 },
        { "free extents, 32 bit", Version4 },
        { "free extents, done", Version4 },
        { "free extents with their owner", WithEverything },
        { "map", WithEverything },
        { "map unwritten", WithEverything },
        { "map", "" },
        { "unmap", WithEverything },
        { "owner added", WithEverything },
        { "owner removed", WithEverything },
        { "owner converted", WithEverything },
        { "reference added", WithEverything },
        { "reference added", "-b size=1024" },
        { "reference dropped", WithEverything },
        { "last references dropped", WithEverything },
        { "set aside for a copy", WithEverything },
        { "no longer set aside", WithEverything },
        { "left aside", WithEverything },
        { "left aside", "-b size=1024" },
        { "several, in order", WithEverything },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void What_was_announced_is_done(string name, string mkfs)
    {
        using var scratch = new ScratchDirectory();
        var isVersion4 = mkfs.Contains("crc=0", StringComparison.Ordinal);
        var image = new XfsProfile(name, mkfs, 96).Make(scratch);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            using (var fileSystem = XfsProfile.Open(device))
            {
                var tree = new GuestTree(fileSystem);
                tree.WriteFile("/one", Content(1, 600_000));
                tree.WriteFile("/two", Content(2, 300_000));
                fileSystem.Flush();
            }

            var half = new HalfDone(device);
            var items = Prepare(name, half);
            half.Save();
            new LogWriter(device, 9, -10).Add(items).Write();
        }

        var mounted = Directory.CreateDirectory(scratch["mounted"]).FullName;
        Tool.MustRun("cp", "--sparse=always", image, scratch["ours"]);
        using (var device = FileDevice.OpenReadWrite(scratch["ours"]))
        using (var fileSystem = XfsProfile.Open(device))
        {
            Assert.Empty(fileSystem.Check());
            Assert.Equal(Content(2, 300_000), new GuestTree(fileSystem).ReadAllBytes("/two", 1 << 20));
        }

        Assert.Equal("", XfsProfile.FindFault(scratch["ours"]) ?? "");
        if (isVersion4)
        {
            return;
        }

        new Mounted(image, mounted, "-o", "loop").Dispose();
        Assert.True(XfsProfile.FindFault(image) is null, XfsProfile.FindFault(image));
        using var kernels = FileDevice.OpenRead(image);
        using var kernel = XfsProfile.Open(kernels);
        using var oursDevice = FileDevice.OpenRead(scratch["ours"]);
        using var ours = XfsProfile.Open(oursDevice);
        Assert.Equal(kernel.Info.UsedBytes, ours.Info.UsedBytes);
        foreach (var path in (string[])["/one", "/two"])
        {
            Assert.Equal(new GuestTree(kernel).ReadAllBytes(path, 1 << 24), new GuestTree(ours).ReadAllBytes(path, 1 << 24));
        }
    }

    private static byte[] Content(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Does the half that comes before the intent, and gives what the log says.</summary>
    private static List<byte[][]> Prepare(string name, HalfDone half)
    {
        var (one, two) = (half.Inode("one"), half.Inode("two"));
        var (map, other) = (half.Map(one), half.Map(two));
        var tail = new XfsExtent(20, half.BlockOf(map, 20), 10, false);
        switch (name)
        {
            case "free extents" or "free extents, 32 bit":
                map.Detach(20, 10);
                half.Put(one, map);
                (ulong, uint)[] parts = [(tail.Block, 4), (tail.Block + 4, 6)];
                return [name == "free extents" ? LogItems.Free(1, parts) : LogItems.FreeOf32Bit(1, parts)];
            case "free extents, done":
                map.Free(20, 10);
                half.Put(one, map);
                var done = LogItems.Free(1, (tail.Block, 10));
                return [done, LogItems.Done(done)];
            case "free extents with their owner":
                // As of a block of the file's extent tree, whose owner goes with it; that of content has an intent of its own.
                map.Detach(20, 1);
                half.Put(one, map);
                half.Space.AddOwner(tail.Block, 1, one.Number, OwnerRecord.TreeFlag);
                return [LogItems.Free(1, (tail.Block, 1))];
            case "map" or "map unwritten":
                map.Detach(20, 10);
                half.Put(one, map);
                return [LogItems.Map(1, (one.Number, tail.Block, 20, 10, 1 | (name == "map" ? 0 : UnwrittenMap)))];
            case "unmap":
                map.Attach(tail with { FileBlock = 1000 });
                half.Share(one, two);
                half.Space.Get(0).Reference(half.RunOf(tail));
                half.Put(one, map);
                return [LogItems.Map(1, (one.Number, tail.Block, 1000, 10, 2)), LogItems.References(2, (tail.Block, 10, 2))];
            case "owner added":
                half.Space.RemoveOwner(tail.Block, 10, one.Number, 20);
                return [LogItems.Owners(1, (one.Number, tail.Block, 20, 10, 1))];
            case "owner removed":
                half.Space.AddOwner(tail.Block, 10, one.Number, 2000);
                return [LogItems.Owners(1, (one.Number, tail.Block, 2000, 10, 3))];
            case "owner converted":
                half.Space.RemoveOwner(tail.Block, 10, one.Number, 20);
                half.Space.AddOwner(tail.Block, 10, one.Number, 20 | OwnerRecord.UnwrittenFlag);
                return [LogItems.Owners(1, (one.Number, tail.Block, 20, 10, 5))];
            case "reference added":
                half.Share(one, two);
                other.Attach(tail with { FileBlock = 1000 });
                half.Put(two, other);
                return [LogItems.References(1, (tail.Block, 10, 1))];
            case "reference dropped":
                half.Share(one, two);
                other.Attach(tail with { FileBlock = 1000 });
                other.Attach(tail with { FileBlock = 3000 });
                half.Space.Get(0).Reference(half.RunOf(tail));
                half.Space.Get(0).Reference(half.RunOf(tail));
                other.Detach(3000, 10);
                half.Put(two, other);
                return [LogItems.References(1, (tail.Block, 6, 2), (tail.Block + 6, 4, 2))];
            case "last references dropped":
                map.Detach(20, 10);
                half.Put(one, map);
                return [LogItems.References(1, (tail.Block, 10, 2))];
            case "set aside for a copy":
                map.Detach(20, 10);
                half.Put(one, map);
                return [LogItems.References(1, (tail.Block, 10, 3)), LogItems.Owners(2, (unchecked((ulong)-9L), tail.Block, 0, 10, 7))];
            case "no longer set aside":
                map.Detach(20, 10);
                half.Put(one, map);
                half.SetAside(tail);
                return [LogItems.References(1, (tail.Block, 10, 4)), LogItems.Owners(2, (unchecked((ulong)-9L), tail.Block, 0, 10, 8)), LogItems.Free(3, (tail.Block, 10))];
            case "left aside":
                map.Detach(20, 10);
                half.Put(one, map);
                half.SetAside(tail);
                return [LogItems.Done(LogItems.Free(1, (tail.Block, 10)))];
            default:
                // Of a file that is cut: blocks are unmapped, their owner is forgotten, they are free. The first intent is done and announced its successors.
                map.Detach(20, 10);
                half.Put(one, map);
                half.Space.AddOwner(tail.Block, 10, one.Number, 20);
                var first = LogItems.Map(1, (one.Number, tail.Block, 20, 10, 2));
                return [first, LogItems.Owners(2, (one.Number, tail.Block, 20, 10, 3)), LogItems.Free(3, (tail.Block, 10)), LogItems.Done(first)];
        }
    }
}
