using System.Buffers.Binary;
using System.Numerics;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>The metadata of a thin pool (drivers/md/dm-thin-metadata.c): a superblock, and B-trees that map each device's blocks to blocks of the pool. Safe to call from several threads.</summary>
internal sealed class ThinMetadata
{
    private const int BlockLength = 4096;
    private const ulong Magic = 27022010;
    private const uint SuperblockSalt = 160774;
    private const uint NodeSalt = 121107;
    private const uint NeedsCheck = 1;
    private const int MaximumDepth = 12;
    private const int CachedNodes = 2048;

    private readonly IBlockDevice _device;
    private readonly Dictionary<long, ThinNode> _cache = [];
    private readonly Lock _gate = new();
    private readonly long _mappings;
    private readonly long _details;

    /// <summary>Reads the superblock.</summary>
    /// <exception cref="DiagnosticException">It is damaged (VOL005) or in a state that is not read (VOL001).</exception>
    public ThinMetadata(IBlockDevice device)
    {
        _device = device;
        var block = new byte[BlockLength];
        device.Read(GuestOffset.Zero, block);
        if (BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(32)) != Magic)
        {
            throw VolumeDiagnostics.Damaged.ToException("its pool has no metadata: it was never activated, or they are lost");
        }

        Check(block, SuperblockSalt, 0);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(40));
        var incompatible = BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(360));
        var blockSectors = BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(340));
        if (version is not (1 or 2) || incompatible != 0 || blockSectors != BlockLength / 512)
        {
            throw VolumeDiagnostics.Unsupported.ToException($"its pool has metadata of version {version} with features {incompatible:x} in blocks of {blockSectors} sectors");
        }

        if ((BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(4)) & NeedsCheck) != 0)
        {
            throw VolumeDiagnostics.Unsupported.ToException("its pool asks for a check (thin_check, lvconvert --repair)");
        }

        ChunkBytes = (long)BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(336)) * 512;
        _mappings = Root(block, 320);
        _details = Root(block, 328);
        if (ChunkBytes is < 512 or > 1L << 31)
        {
            throw VolumeDiagnostics.Damaged.ToException($"its pool has chunks of {ChunkBytes} bytes");
        }
    }

    /// <summary>Bytes of a block of the pool.</summary>
    public long ChunkBytes { get; }

    /// <summary>The tree of a device, and the time of its last snapshot: blocks that are older are shared.</summary>
    /// <exception cref="DiagnosticException">There is no such device (VOL005).</exception>
    public (long Tree, uint SnapshotTime) Open(ulong device)
    {
        Span<byte> value = stackalloc byte[24];
        if (!TryFind(_details, device, value) || !TryFind(_mappings, device, value[..8], out var tree))
        {
            throw VolumeDiagnostics.Damaged.ToException($"its pool knows no device {device}");
        }

        _ = TryFind(_details, device, value);
        return (tree, BinaryPrimitives.ReadUInt32LittleEndian(value[20..]));
    }

    /// <summary>The pool's block that a device's block is kept in, and when it was written; null when it never was.</summary>
    public (long Block, uint Time)? Map(long tree, long block)
    {
        Span<byte> value = stackalloc byte[8];
        if (!TryFind(tree, (ulong)block, value))
        {
            return null;
        }

        var packed = BinaryPrimitives.ReadUInt64LittleEndian(value);
        return ((long)(packed >> 24), (uint)(packed & 0xffffff));
    }

    private static long Root(byte[] block, int offset) => (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(offset)), long.MaxValue);

    private bool TryFind(long root, ulong key, Span<byte> value, out long number)
    {
        var found = TryFind(root, key, value);
        number = found ? (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(value), long.MaxValue) : 0;
        return found;
    }

    private bool TryFind(long root, ulong key, Span<byte> value)
    {
        var number = root;
        for (var depth = 0; depth < MaximumDepth; depth++)
        {
            var node = Node(number);
            var index = node.Find(key);
            if (index < 0)
            {
                return false;
            }

            if (node.IsLeaf)
            {
                if (node.Key(index) != key || node.ValueLength < value.Length)
                {
                    return false;
                }

                node.Value(index)[..value.Length].CopyTo(value);
                return true;
            }

            number = (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(node.Value(index)), long.MaxValue);
        }

        throw VolumeDiagnostics.Damaged.ToException($"a tree of its pool is deeper than {MaximumDepth}");
    }

    private ThinNode Node(long number)
    {
        lock (_gate)
        {
            if (_cache.TryGetValue(number, out var known))
            {
                return known;
            }
        }

        if (number < 1 || number >= _device.Length / BlockLength)
        {
            throw VolumeDiagnostics.Damaged.ToException($"a tree of its pool leads to block {number} of {_device.Length / BlockLength}");
        }

        var block = new byte[BlockLength];
        _device.Read(new GuestOffset(number * BlockLength), block);
        Check(block, NodeSalt, number);
        if (!ThinNode.IsSound(block))
        {
            throw VolumeDiagnostics.Damaged.ToException($"block {number} of its pool's metadata is no node of a tree");
        }

        var node = new ThinNode(block);
        lock (_gate)
        {
            if (_cache.Count >= CachedNodes)
            {
                _cache.Clear();
            }

            _cache[number] = node;
        }

        return node;
    }

    /// <summary>CRC-32C of everything behind the checksum, without its final inversion, mixed with a number for the kind of block (dm_bm_checksum).</summary>
    private static void Check(byte[] block, uint salt, long number)
    {
        var crc = uint.MaxValue;
        var position = 4;
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(position)));
        for (position = 8; position < block.Length; position += 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(position)));
        }

        var stored = BinaryPrimitives.ReadUInt32LittleEndian(block);
        var place = BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(8));
        if ((crc ^ salt) != stored || place != (ulong)number)
        {
            throw VolumeDiagnostics.Damaged.ToException($"block {number} of its pool's metadata has checksum {crc ^ salt:x8} against {stored:x8} stored, and says that it is block {place}");
        }
    }
}
