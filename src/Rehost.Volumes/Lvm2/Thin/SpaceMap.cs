using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>
/// How often each block is used (drivers/md/persistent-data/dm-space-map-common.c): two bits a block in bitmaps, and a tree for counts from three on. Its root is in the
/// superblock: blocks, blocks in use, where the bitmaps are listed, the tree.
/// </summary>
internal abstract class SpaceMap
{
    private const int HeaderLength = 16;
    private const uint InTree = 3;

    /// <summary>Blocks whose counts are in one bitmap.</summary>
    protected const int PerBitmap = (MetadataBlocks.BlockLength - HeaderLength) * 4;

    private readonly MetadataBlocks _blocks;
    private readonly int _rootOffset;
    private readonly long _maximum;
    private readonly PersistentTree _counts;
    private readonly HashSet<long> _freed = [];
    private long _next;

    /// <summary>Finds the map.</summary>
    /// <param name="blocks">The metadata.</param>
    /// <param name="rootOffset">Its root in the superblock.</param>
    /// <param name="maximum">Blocks that there is room for on the device that is counted.</param>
    /// <param name="metadata">Counts the blocks of metadata that the tree is made of; null for itself.</param>
    protected SpaceMap(MetadataBlocks blocks, int rootOffset, long maximum, SpaceMap? metadata)
    {
        _blocks = blocks;
        _rootOffset = rootOffset;
        _maximum = maximum;
        _counts = new PersistentTree(blocks, metadata ?? this, sizeof(uint));
    }

    /// <summary>Blocks that are counted.</summary>
    /// <exception cref="DiagnosticException">They are more than there are (VOL005).</exception>
    public long Blocks => Root(0) is var count && count <= _maximum ? count : throw _blocks.Damaged($"count {count} blocks on a device of {_maximum}");

    /// <summary>Blocks that nothing uses.</summary>
    public long Free => Math.Max(0, Blocks - Root(8));

    protected MetadataBlocks Metadata => _blocks;

    /// <summary>Where the bitmaps are listed.</summary>
    protected long IndexRoot => Root(16);

    /// <summary>How often a block is used.</summary>
    public uint Count(long block)
    {
        var (bitmap, entry) = Place(block);
        var low = Bits(_blocks.Read(ReadIndex(bitmap).Block, BlockRole.Bitmap), entry);
        if (low < InTree)
        {
            return low;
        }

        Span<byte> value = stackalloc byte[sizeof(uint)];
        return _counts.TryFind(Root(24), (ulong)block, value) && BinaryPrimitives.ReadUInt32LittleEndian(value) is >= InTree and var count
            ? count
            : throw _blocks.Damaged($"say of block {block} that its uses are counted in a tree, which is not so");
    }

    /// <summary>Takes a free block. One that was freed since the last commit still belongs to what is on the disk, and is left alone.</summary>
    /// <exception cref="DiagnosticException">There is none (VOL013).</exception>
    public long Allocate()
    {
        var block = FindFree(_next, Blocks);
        block = block < 0 ? FindFree(0, _next) : block;
        if (block < 0)
        {
            throw VolumeDiagnostics.NotAllocated.ToException($"none of {Blocks} blocks of the thin pool's {What} is free", _blocks.Name);
        }

        Set(block, 1);
        _next = block + 1;
        return block;
    }

    public void Increment(long block)
    {
        var count = Count(block);
        Set(block, count is > 0 and < uint.MaxValue ? count + 1 : throw _blocks.Damaged($"use block {block} of its {What}, of which they count {count} uses"));
    }

    public void Decrement(long block)
    {
        var count = Count(block);
        Set(block, count > 0 ? count - 1 : throw _blocks.Damaged($"use block {block} of its {What} and count it as free"));
    }

    /// <summary>What was freed may be taken again.</summary>
    public void Forget() => _freed.Clear();

    /// <summary>What is counted, for messages.</summary>
    protected abstract string What { get; }

    /// <summary>A bitmap of the list.</summary>
    protected abstract BitmapEntry ReadIndex(long bitmap);

    /// <summary>Changes a bitmap's entry in the list.</summary>
    protected abstract void WriteIndex(long bitmap, BitmapEntry entry);

    private void Set(long block, uint count)
    {
        var (bitmap, entry) = Place(block);
        var index = ReadIndex(bitmap);
        var bits = _blocks.Edit(index.Block, BlockRole.Bitmap);
        var old = Bits(bits, entry);
        SetBits(bits, entry, Math.Min(count, InTree));
        if (count >= InTree)
        {
            Span<byte> value = stackalloc byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32LittleEndian(value, count);
            SetRoot(24, _counts.Insert(Root(24), (ulong)block, value));
        }
        else if (old == InTree)
        {
            _counts.Remove(Root(24), (ulong)block);
        }

        // The tree may have taken or given back blocks of this very map: what is in the list is read again.
        if (old == 0 && count > 0)
        {
            index = ReadIndex(bitmap);
            WriteIndex(bitmap, index with { Free = index.Free - Math.Min(index.Free, 1), NoneFreeBefore = index.NoneFreeBefore == entry ? (uint)entry + 1 : index.NoneFreeBefore });
            SetRoot(8, Root(8) + 1);
            _freed.Remove(block);
        }
        else if (old > 0 && count == 0)
        {
            index = ReadIndex(bitmap);
            WriteIndex(bitmap, index with { Free = index.Free + 1, NoneFreeBefore = Math.Min(index.NoneFreeBefore, (uint)entry) });
            SetRoot(8, Math.Max(0, Root(8) - 1));
            _freed.Add(block);
        }
    }

    private long FindFree(long from, long end)
    {
        for (var bitmap = from / PerBitmap; bitmap * PerBitmap < end; bitmap++)
        {
            var index = ReadIndex(bitmap);
            if (index.Free == 0)
            {
                continue;
            }

            var bits = _blocks.Read(index.Block, BlockRole.Bitmap);
            var first = bitmap * PerBitmap;
            for (var block = first + Math.Max(from - first, Math.Min(index.NoneFreeBefore, PerBitmap)); block < Math.Min(end, first + PerBitmap); block++)
            {
                if (Bits(bits, (int)(block - first)) == 0 && !_freed.Contains(block))
                {
                    return block;
                }
            }
        }

        return -1;
    }

    private (long Bitmap, int Entry) Place(long block)
        => block >= 0 && block < Blocks ? (block / PerBitmap, (int)(block % PerBitmap)) : throw _blocks.Damaged($"lead to block {block} of {Blocks} of its {What}");

    /// <summary>The first of the two bits is the higher one.</summary>
    private static uint Bits(byte[] bitmap, int entry)
    {
        var pair = bitmap[HeaderLength + (entry / 4)] >> (entry % 4 * 2);
        return (uint)(((pair & 1) << 1) | ((pair >> 1) & 1));
    }

    private static void SetBits(byte[] bitmap, int entry, uint value)
    {
        var shift = entry % 4 * 2;
        ref var place = ref bitmap[HeaderLength + (entry / 4)];
        place = (byte)((place & ~(3 << shift)) | ((int)((value >> 1) | ((value & 1) << 1)) << shift));
    }

    private long Root(int offset) => (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(_blocks.Read(0, BlockRole.Superblock).AsSpan(_rootOffset + offset)), long.MaxValue);

    private void SetRoot(int offset, long value) => BinaryPrimitives.WriteInt64LittleEndian(_blocks.Edit(0, BlockRole.Superblock).AsSpan(_rootOffset + offset), value);

    /// <summary>A bitmap as the list has it.</summary>
    /// <param name="Block">The block of metadata that holds it.</param>
    /// <param name="Free">Blocks in it that nothing uses.</param>
    /// <param name="NoneFreeBefore">Where looking for one begins.</param>
    protected readonly record struct BitmapEntry(long Block, uint Free, uint NoneFreeBefore)
    {
        public const int Length = 16;

        public static BitmapEntry Read(ReadOnlySpan<byte> bytes) => new(
            (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(bytes), long.MaxValue), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]));

        public void Write(Span<byte> bytes)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, Block);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Free);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], NoneFreeBefore);
        }
    }
}
