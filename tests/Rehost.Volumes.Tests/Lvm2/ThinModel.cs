using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Xml.Linq;
using Rehost.Blocks;
using Rehost.Testing;
using Rehost.Volumes.Lvm2.Thin;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>A thin pool that thin_restore made, its devices opened by our code, and what each sector of each device must hold.</summary>
internal sealed class ThinModel : IDisposable
{
    private const int Chunk = 64 << 10;
    private const int SectorsOfChunk = Chunk / 512;

    private readonly ScratchDirectory _scratch = new();
    private readonly Dictionary<(int Device, long Sector), ulong> _written = [];
    private readonly Dictionary<int, Dictionary<long, long>> _mapped = [];
    private readonly Dictionary<int, HashSet<long>> _blocks = [];
    private readonly OverlayDevice _metadata;
    private readonly OverlayDevice _data;
    private readonly long _deviceBlocks;
    private ulong _stamp = 1;

    /// <summary>Makes a pool.</summary>
    /// <param name="xml">What thin_restore reads.</param>
    /// <param name="metadataBlocks">Blocks of its metadata.</param>
    /// <param name="deviceBlocks">Blocks that each device can have.</param>
    public ThinModel(string xml, int metadataBlocks, long deviceBlocks)
    {
        _deviceBlocks = deviceBlocks;
        File.WriteAllText(_scratch["xml"], xml);
        File.WriteAllBytes(_scratch["metadata"], new byte[metadataBlocks * 4096L]);
        Tool.MustRun("thin_restore", "-i", _scratch["xml"], "-o", _scratch["metadata"]);
        Tool.MustRun("thin_check", _scratch["metadata"]);
        _metadata = new OverlayDevice(new MemoryDevice(File.ReadAllBytes(_scratch["metadata"])), OverlayStore.InMemory());
        var dump = XDocument.Parse(Tool.MustRun("thin_dump", _scratch["metadata"])).Root ?? throw new InvalidOperationException("no dump");
        PoolBlocks = (long?)dump.Attribute("nr_data_blocks") ?? 0;
        _data = new OverlayDevice(new JunkDevice(PoolBlocks * Chunk), OverlayStore.InMemory());
        Pool = new ThinPool("vg/pool", _metadata, _data);
        foreach (var (device, mappings) in Mappings(dump))
        {
            _mapped[device] = mappings;
            _blocks[device] = [.. mappings.Keys];
            Volumes[device] = new ThinVolume($"thin{device}", Pool, (ulong)device, deviceBlocks * Chunk);
        }
    }

    public ThinPool Pool { get; private set; }

    public long PoolBlocks { get; }

    public SortedDictionary<int, ThinVolume> Volumes { get; } = [];

    /// <summary>One device of an XML text.</summary>
    public static string Device(int id, int snapshotTime, int count, string mappings)
        => string.Create(CultureInfo.InvariantCulture, $"<device dev_id=\"{id}\" mapped_blocks=\"{count}\" transaction=\"{id}\" creation_time=\"0\" snap_time=\"{snapshotTime}\">\n{mappings}</device>\n");

    public static string Single(IEnumerable<(long Origin, long Data)> mappings, int time)
    {
        var text = new StringBuilder();
        foreach (var (origin, data) in mappings.OrderBy(one => one.Origin))
        {
            text.Append(CultureInfo.InvariantCulture, $"<single_mapping origin_block=\"{origin}\" data_block=\"{data}\" time=\"{time}\"/>\n");
        }

        return text.ToString();
    }

    public static string PoolOf(long blocks, string content)
        => string.Create(CultureInfo.InvariantCulture, $"<superblock uuid=\"\" time=\"9\" transaction=\"5\" flags=\"0\" version=\"2\" data_block_size=\"128\" nr_data_blocks=\"{blocks}\">\n{content}</superblock>\n");

    /// <summary>Takes a snapshot as the kernel does: both devices lead to one tree, and what is older than now is shared. thin_check judges what this makes of the counts.</summary>
    public void TakeSnapshot(int device, int snapshot)
    {
        var blocks = new MetadataBlocks(_metadata, "test");
        var uses = new MetadataSpaceMap(blocks);
        var data = new DataSpaceMap(blocks, uses, PoolBlocks);
        _ = data.Free;
        var devices = new PersistentTree(blocks, uses, 8, value => uses.Increment(BinaryPrimitives.ReadInt64LittleEndian(value)));
        var details = new PersistentTree(blocks, uses, 24);
        var superblock = blocks.Edit(0, BlockRole.Superblock);
        var time = BinaryPrimitives.ReadInt32LittleEndian(superblock.AsSpan(44)) + 1;
        BinaryPrimitives.WriteInt32LittleEndian(superblock.AsSpan(44), time);
        var root = new byte[8];
        Assert.True(devices.TryFind(BinaryPrimitives.ReadInt64LittleEndian(superblock.AsSpan(320)), (ulong)device, root));
        uses.Increment(BinaryPrimitives.ReadInt64LittleEndian(root));
        BinaryPrimitives.WriteInt64LittleEndian(superblock.AsSpan(320), devices.Insert(BinaryPrimitives.ReadInt64LittleEndian(superblock.AsSpan(320)), (ulong)snapshot, root));
        var known = new byte[24];
        Assert.True(details.TryFind(BinaryPrimitives.ReadInt64LittleEndian(superblock.AsSpan(328)), (ulong)device, known));
        BinaryPrimitives.WriteInt32LittleEndian(known.AsSpan(20), time);
        foreach (var one in (int[])[device, snapshot])
        {
            BinaryPrimitives.WriteInt64LittleEndian(superblock.AsSpan(328), details.Insert(BinaryPrimitives.ReadInt64LittleEndian(superblock.AsSpan(328)), (ulong)one, known));
        }

        blocks.Commit();
        _mapped[snapshot] = _mapped[device];
        _blocks[snapshot] = [.. _blocks[device]];
        foreach (var (key, stamp) in _written.Where(one => one.Key.Device == device).ToList())
        {
            _written[(snapshot, key.Sector)] = stamp;
        }

        Volumes[snapshot] = Volumes[device];
        Reopen();
    }

    /// <summary>Holds the metadata for a reader, as the kernel does on "reserve_metadata_snap": the trees of now have one more user.</summary>
    public void HoldMetadata()
    {
        var blocks = new MetadataBlocks(_metadata, "test");
        var uses = new MetadataSpaceMap(blocks);
        var superblock = blocks.Edit(0, BlockRole.Superblock);
        var held = uses.Allocate();
        uses.Increment(BinaryPrimitives.ReadInt64LittleEndian(superblock.AsSpan(320)));
        uses.Increment(BinaryPrimitives.ReadInt64LittleEndian(superblock.AsSpan(328)));
        var copy = blocks.Make(held, BlockRole.Superblock);
        superblock.CopyTo(copy, 0);
        copy.AsSpan(64, 256).Clear();
        BinaryPrimitives.WriteInt64LittleEndian(superblock.AsSpan(56), held);
        blocks.Commit();
        Reopen();
    }

    private void Reopen()
    {
        Pool = new ThinPool("vg/pool", _metadata, _data);
        foreach (var device in Volumes.Keys.ToList())
        {
            Volumes[device] = new ThinVolume($"thin{device}", Pool, (ulong)device, _deviceBlocks * Chunk);
        }
    }

    /// <summary>Makes a random write and notes what it must lead to.</summary>
    public void Operate(Random random)
    {
        var (device, volume) = Volumes.ElementAt(random.Next(Volumes.Count));
        var sectors = random.Next(8) switch
        {
            0 => random.Next(1, 3 * SectorsOfChunk),
            1 => SectorsOfChunk,
            _ => random.Next(1, 5),
        };
        var first = random.Next(3) == 0 ? random.Next((int)Math.Min(_deviceBlocks, 300)) * (long)SectorsOfChunk : random.NextInt64(_deviceBlocks * SectorsOfChunk);
        first = Math.Min(first, (_deviceBlocks * SectorsOfChunk) - sectors);
        if (random.Next(6) == 0)
        {
            volume.WriteZeros(new GuestOffset(first * 512), sectors * 512L);
            Note(device, first, sectors, 0);
            return;
        }

        Write(device, first, sectors);
    }

    public void Write(int device, long first, int sectors)
    {
        var stamp = ++_stamp << 1;
        var data = new byte[sectors * 512];
        MemoryMarshal.Cast<byte, ulong>(data.AsSpan()).Fill(stamp);
        Volumes[device].Write(new GuestOffset(first * 512), data);
        for (var block = first / SectorsOfChunk; block * SectorsOfChunk < first + sectors; block++)
        {
            _blocks[device].Add(block);
        }

        Note(device, first, sectors, stamp);
    }

    /// <summary>Compares all that was written, and as much again, and has thin_check and thin_dump judge the metadata.</summary>
    public void Check(Random random)
    {
        var sector = new byte[512];
        foreach (var (device, volume) in Volumes)
        {
            var other = Enumerable.Range(0, 500).Select(_ => random.NextInt64(_deviceBlocks * SectorsOfChunk));
            var first = _mapped[device].Keys.Select(block => block * SectorsOfChunk);
            foreach (var at in _written.Keys.Where(one => one.Device == device).Select(one => one.Sector).Concat(other).Concat(first))
            {
                volume.Read(new GuestOffset(at * 512), sector);
                var expected = Expected(device, at);
                Assert.True(MemoryMarshal.Cast<byte, ulong>(sector).IndexOfAnyExcept(expected) < 0, $"device {device}, sector {at}: {MemoryMarshal.Read<ulong>(sector):x}, expected {expected:x}");
            }
        }

        File.WriteAllBytes(_scratch["metadata"], Metadata());
        ThinJudge.AssertSound(Metadata());
        Tool.MustRun("thin_check", _scratch["metadata"]);
        var dump = Mappings(XDocument.Parse(Tool.MustRun("thin_dump", _scratch["metadata"])).Root ?? throw new InvalidOperationException("no dump"));
        Assert.Equal(Volumes.Keys, dump.Keys.Order());
        var listed = Tool.MustRun("thin_ls", "--no-headers", "-o", "DEV,MAPPED_BLOCKS", _scratch["metadata"]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var line in listed)
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(_blocks[int.Parse(fields[0], CultureInfo.InvariantCulture)].Count.ToString(CultureInfo.InvariantCulture), fields[1]);
        }

        foreach (var (device, mappings) in dump)
        {
            Assert.Equal(_blocks[device].Order(), mappings.Keys.Order());
            foreach (var (origin, block) in mappings)
            {
                Assert.Equal(block * Chunk, Pool.Find((ulong)device, origin)?.Offset);
            }
        }
    }

    /// <summary>What a reader finds in the metadata that are held for it.</summary>
    public string Held()
    {
        File.WriteAllBytes(_scratch["metadata"], Metadata());
        return Tool.MustRun("thin_dump", "-m", _scratch["metadata"]);
    }

    /// <summary>The metadata as they are.</summary>
    public byte[] Metadata()
    {
        var bytes = new byte[_metadata.Length];
        _metadata.Read(GuestOffset.Zero, bytes);
        return bytes;
    }

    public void Dispose()
    {
        _metadata.Dispose();
        _data.Dispose();
        _scratch.Dispose();
    }

    private static SortedDictionary<int, Dictionary<long, long>> Mappings(XElement dump)
    {
        var devices = new SortedDictionary<int, Dictionary<long, long>>();
        foreach (var device in dump.Elements("device"))
        {
            var mappings = devices[(int?)device.Attribute("dev_id") ?? 0] = [];
            foreach (var one in device.Elements())
            {
                var length = (long?)one.Attribute("length") ?? 1;
                var origin = (long?)one.Attribute("origin_block") ?? (long?)one.Attribute("origin_begin") ?? 0;
                var data = (long?)one.Attribute("data_block") ?? (long?)one.Attribute("data_begin") ?? 0;
                for (var i = 0L; i < length; i++)
                {
                    mappings.Add(origin + i, data + i);
                }
            }
        }

        return devices;
    }

    private void Note(int device, long first, int sectors, ulong stamp)
    {
        for (var sector = first; sector < first + sectors; sector++)
        {
            _written[(device, sector)] = stamp;
        }
    }

    private ulong Expected(int device, long sector)
        => _written.TryGetValue((device, sector), out var stamp) ? stamp
            : _mapped[device].TryGetValue(sector / SectorsOfChunk, out var block) ? JunkDevice.StampOf((block * SectorsOfChunk) + (sector % SectorsOfChunk)) : 0;
}
