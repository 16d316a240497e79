using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.FileSystems.Xfs;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>What transactions say: the difference between two states of a file system, and intents.</summary>
internal static class LogItems
{
    private const int Chunk = 128;
    private const ushort InodeMagic = 0x494E;

    /// <summary>Metadata kinds by magic number, and the number that tells the kernel how to verify a buffer of that kind.</summary>
    private static readonly Dictionary<uint, int> Kinds = new()
    {
        [0x58465342] = 18, [0x58414746] = 5, [0x5841464C] = 6, [0x58414749] = 7,
        [0x41423342] = 4, [0x41423343] = 4, [0x49414233] = 4, [0x46494233] = 4, [0x524D4233] = 4, [0x52334643] = 4, [0x424D4133] = 4,
        [0x41425442] = 4, [0x41425443] = 4, [0x49414254] = 4, [0x46494254] = 4, [0x424D4150] = 4,
        [0x58444233] = 10, [0x58443242] = 10, [0x58444433] = 11, [0x58443244] = 11, [0x58444633] = 12, [0x58443246] = 12, [0x58534C4D] = 9,
    };

    private static readonly Dictionary<int, int> ShortKinds = new() { [0x3DF1] = 13, [0xD2F1] = 13, [0x3DFF] = 14, [0xD2FF] = 14, [0x3EBE] = 15, [0xFEBE] = 15, [0x3BEE] = 16, [0xFBEE] = 16 };

    /// <summary>Items that lead from what a device holds to what an overlay of it holds. Contents of files, which are not logged, are written to the device.</summary>
    public static List<byte[][]> Between(IBlockDevice before, OverlayDevice after)
    {
        var super = XfsSuperblock.Read(before);
        var items = new List<byte[][]>();
        foreach (var range in after.ChangedRanges)
        {
            for (var at = range.Offset; at < range.End;)
            {
                var unit = IsHeader(super, at) ? super.SectorSize : super.BlockSize;
                if (at % unit != 0)
                {
                    // What follows the headers of a group in their block, or the rest of a large block that was compared already.
                    at = (at / unit * unit) + (IsHeader(super, at / unit * unit) || at > range.Offset ? unit : 0);
                    continue;
                }

                unit = SizeOf(super, after, at, unit);
                var (old, now) = (Read(before, at, unit), Read(after, at, unit));
                if (!old.AsSpan().SequenceEqual(now))
                {
                    Compare(super, before, at, old, now, items);
                }

                at += unit;
            }
        }

        return items;
    }

    /// <summary>An intent of freeing extents, and what says that one was carried out.</summary>
    public static byte[][] Free(ulong id, params (ulong Block, uint Count)[] extents) => Intent(0x1236, 16, id, extents.Length, (i, at) =>
    {
        BinaryPrimitives.WriteUInt64LittleEndian(at, extents[i].Block);
        BinaryPrimitives.WriteUInt32LittleEndian(at[8..], extents[i].Count);
    });

    /// <summary>The same as 32-bit machines wrote it: extents are not padded.</summary>
    public static byte[][] FreeOf32Bit(ulong id, params (ulong Block, uint Count)[] extents) => Intent(0x1236, 12, id, extents.Length, (i, at) =>
    {
        BinaryPrimitives.WriteUInt64LittleEndian(at, extents[i].Block);
        BinaryPrimitives.WriteUInt32LittleEndian(at[8..], extents[i].Count);
    });

    public static byte[][] References(ulong id, params (ulong Block, uint Count, uint Kind)[] extents) => Intent(0x1242, 16, id, extents.Length, (i, at) =>
    {
        BinaryPrimitives.WriteUInt64LittleEndian(at, extents[i].Block);
        BinaryPrimitives.WriteUInt32LittleEndian(at[8..], extents[i].Count);
        BinaryPrimitives.WriteUInt32LittleEndian(at[12..], extents[i].Kind);
    });

    public static byte[][] Owners(ulong id, params (ulong Owner, ulong Block, ulong Offset, uint Count, uint Flags)[] extents) => Maps(0x1240, id, extents);

    public static byte[][] Map(ulong id, params (ulong Owner, ulong Block, ulong Offset, uint Count, uint Flags)[] extents) => Maps(0x1244, id, extents);

    /// <summary>The done item of an intent.</summary>
    public static byte[][] Done(byte[][] intent)
    {
        var bytes = intent[0][..16];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(bytes) + 1));

        // Of extents to free the done item repeats the list, the others only say which intent they are about.
        if (bytes[0] == 0x37)
        {
            return [[.. bytes, .. intent[0][16..]]];
        }

        bytes.AsSpan(4, 4).Clear();
        return [bytes];
    }

    private static byte[][] Maps(ushort type, ulong id, (ulong Owner, ulong Block, ulong Offset, uint Count, uint Flags)[] extents) => Intent(type, 32, id, extents.Length, (i, at) =>
    {
        BinaryPrimitives.WriteUInt64LittleEndian(at, extents[i].Owner);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], extents[i].Block);
        BinaryPrimitives.WriteUInt64LittleEndian(at[16..], extents[i].Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(at[24..], extents[i].Count);
        BinaryPrimitives.WriteUInt32LittleEndian(at[28..], extents[i].Flags);
    });

    private delegate void Fill(int index, Span<byte> at);

    private static byte[][] Intent(ushort type, int size, ulong id, int count, Fill fill)
    {
        var bytes = new byte[16 + (count * size)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, type);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)count);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), id);
        for (var i = 0; i < count; i++)
        {
            fill(i, bytes.AsSpan(16 + (i * size)));
        }

        return [bytes];
    }

    private static bool IsHeader(XfsSuperblock super, long at)
    {
        var group = (long)super.AgBlocks * super.BlockSize;
        return at % group < 4L * super.SectorSize;
    }

    private static void Compare(XfsSuperblock super, IBlockDevice before, long at, byte[] old, byte[] now, List<byte[][]> items)
    {
        if (IsInode(now))
        {
            if (!IsInode(old))
            {
                items.Add(Buffer(at, old, now, 8, isWhole: true));
                return;
            }

            for (var i = 0; i < now.Length; i += super.InodeSize)
            {
                var inode = now[i..(i + super.InodeSize)];
                if (!inode.AsSpan().SequenceEqual(old.AsSpan(i, super.InodeSize)))
                {
                    items.Add(Inode(super, at, now.Length, i, inode));
                }
            }
        }
        else if (Kinds.TryGetValue(BinaryPrimitives.ReadUInt32BigEndian(now), out var kind) || ShortKinds.TryGetValue(BinaryPrimitives.ReadUInt16BigEndian(now.AsSpan(8)), out kind) || (IsHeader(super, at) && (kind = 6) == 6))
        {
            items.Add(Buffer(at, old, now, kind, isWhole: false));
        }
        else
        {
            before.Write(new GuestOffset(at), now);
        }
    }

    /// <summary>Blocks of directories may be larger than others, and are logged whole.</summary>
    private static int SizeOf(XfsSuperblock super, IBlockDevice device, long at, int unit)
    {
        var large = super.DirectoryBlockSize;
        if (large == unit || unit != super.BlockSize || at + large > device.Length)
        {
            return unit;
        }

        var bytes = Read(device, at, large);
        var isDirectory = (Kinds.GetValueOrDefault(BinaryPrimitives.ReadUInt32BigEndian(bytes)) is >= 10 and <= 12) || ShortKinds.GetValueOrDefault(BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(8))) is 13 or 14;
        return isDirectory ? large : unit;
    }

    private static bool IsInode(byte[] bytes) => BinaryPrimitives.ReadUInt16BigEndian(bytes) == InodeMagic;

    /// <summary>struct xfs_buf_log_format and the pieces of 128 bytes that changed.</summary>
    private static byte[][] Buffer(long at, byte[] old, byte[] now, int kind, bool isWhole)
    {
        var chunks = now.Length / Chunk;
        var words = (chunks + 31) / 32;
        var format = new byte[20 + (words * 4)];
        var regions = new List<byte[]> { format };
        for (var i = 0; i < chunks; i++)
        {
            if (!isWhole && old.AsSpan(i * Chunk, Chunk).SequenceEqual(now.AsSpan(i * Chunk, Chunk)))
            {
                continue;
            }

            format[20 + (i / 8)] |= (byte)(1 << (i % 8));
            var chunk = now[(i * Chunk)..((i + 1) * Chunk)];
            if (i > 0 && (format[20 + ((i - 1) / 8)] & (1 << ((i - 1) % 8))) != 0)
            {
                regions[^1] = [.. regions[^1], .. chunk];
            }
            else
            {
                regions.Add(chunk);
            }
        }

        BinaryPrimitives.WriteUInt16LittleEndian(format, 0x123C);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(2), (ushort)regions.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(4), (ushort)(kind << 11));
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(6), (ushort)(now.Length / 512));
        BinaryPrimitives.WriteUInt64LittleEndian(format.AsSpan(8), (ulong)at / 512);
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(16), (uint)words);
        return [.. regions];
    }

    /// <summary>struct xfs_inode_log_format, the core in the order of the machine, and both forks as they stand in memory.</summary>
    private static byte[][] Inode(XfsSuperblock super, long block, int blockSize, int within, byte[] raw)
    {
        var format = new byte[56];
        var core = ToHostOrder(super, raw);
        var regions = new List<byte[]> { format, core };
        var fields = 1u;
        var literal = super.IsVersion5 ? 176 : 100;
        var dataLength = raw[82] == 0 ? raw.Length - literal : raw[82] * 8;
        (fields, var dataSize) = AddFork(super, raw.AsSpan(literal, dataLength), raw[5], fields, 0, regions, ExtentBytes(raw, isAttribute: false));
        var attributeSize = 0;
        if (raw[82] != 0)
        {
            (fields, attributeSize) = AddFork(super, raw.AsSpan(literal + dataLength), raw[83], fields, 5, regions, ExtentBytes(raw, isAttribute: true));
        }

        BinaryPrimitives.WriteUInt16LittleEndian(format, 0x123B);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(2), (ushort)regions.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(4), fields);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(8), (ushort)attributeSize);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(10), (ushort)dataSize);
        BinaryPrimitives.WriteUInt64LittleEndian(format.AsSpan(16), NumberOf(super, block, within));
        BinaryPrimitives.WriteUInt64LittleEndian(format.AsSpan(40), (ulong)block / 512);
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(48), (uint)blockSize / 512);
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(52), (uint)within);
        return [.. regions];
    }

    private static ulong NumberOf(XfsSuperblock super, long at, int within)
    {
        var block = (ulong)(at / super.BlockSize);
        var (group, rest) = (block / super.AgBlocks, block % super.AgBlocks);
        return (((group << super.AgBlockLog) | rest) << super.InodesPerBlockLog) | (uint)(within / super.InodeSize);
    }

    private static int ExtentBytes(byte[] raw, bool isAttribute)
    {
        var isWide = raw[4] >= 3 && (raw[127] & 0x10) != 0;
        return 16 * (int)((isWide, isAttribute) switch
        {
            (true, false) => BinaryPrimitives.ReadUInt64BigEndian(raw.AsSpan(24)),
            (true, true) => BinaryPrimitives.ReadUInt32BigEndian(raw.AsSpan(76)),
            (false, false) => BinaryPrimitives.ReadUInt32BigEndian(raw.AsSpan(76)),
            _ => (ulong)BinaryPrimitives.ReadUInt16BigEndian(raw.AsSpan(80)),
        });
    }

    private static (uint Fields, int Size) AddFork(XfsSuperblock super, ReadOnlySpan<byte> fork, byte format, uint fields, int shift, List<byte[]> regions, int extents)
    {
        switch (format)
        {
            case 1:
                regions.Add(fork.ToArray());
                return (fields | (2u << shift), fork.Length);
            case 2:
                if (extents > 0)
                {
                    regions.Add(fork[..extents].ToArray());
                    return (fields | (4u << shift), extents);
                }

                return (fields, 0);
            case 3:
                var (level, count) = (BinaryPrimitives.ReadUInt16BigEndian(fork), BinaryPrimitives.ReadUInt16BigEndian(fork[2..]));
                var header = super.IsVersion5 ? 72 : 24;
                var root = new byte[header + (count * 16)];
                BinaryPrimitives.WriteUInt32BigEndian(root, super.IsVersion5 ? 0x424D4133u : 0x424D4150);
                BinaryPrimitives.WriteUInt16BigEndian(root.AsSpan(4), level);
                BinaryPrimitives.WriteUInt16BigEndian(root.AsSpan(6), count);
                root.AsSpan(8, 16).Fill(0xFF);
                fork.Slice(4, count * 8).CopyTo(root.AsSpan(header));
                fork.Slice(4 + ((fork.Length - 4) / 16 * 8), count * 8).CopyTo(root.AsSpan(header + (count * 8)));
                regions.Add(root);
                return (fields | (8u << shift), root.Length);
            default:
                return (fields, 0);
        }
    }

    private static byte[] ToHostOrder(XfsSuperblock super, byte[] raw)
    {
        var core = raw[..(super.IsVersion5 ? 176 : 96)];
        var flags2 = super.IsVersion5 ? BinaryPrimitives.ReadUInt64BigEndian(raw.AsSpan(120)) : 0;
        void Swap(int at, int length) => core.AsSpan(at, length).Reverse();
        foreach (var (at, length) in ((int, int)[])[(0, 2), (2, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 2), (22, 2), (56, 8), (64, 8), (72, 4), (76, 4), (80, 2), (84, 4), (88, 2), (90, 2), (92, 4)])
        {
            Swap(at, length);
        }

        foreach (var at in super.IsVersion5 ? (int[])[32, 40, 48, 144] : [32, 40, 48])
        {
            if ((flags2 & 8) != 0)
            {
                Swap(at, 8);
            }
            else
            {
                Swap(at, 4);
                Swap(at + 4, 4);
            }
        }

        if (!super.IsVersion5)
        {
            Swap(30, 2);
            return core;
        }

        foreach (var (at, length) in ((int, int)[])[(24, 8), (104, 8), (112, 8), (120, 8), (128, 4), (152, 8)])
        {
            Swap(at, length);
        }

        return core;
    }

    private static byte[] Read(IBlockDevice device, long at, int length)
    {
        var bytes = new byte[length];
        device.Read(new GuestOffset(at), bytes);
        return bytes;
    }
}
