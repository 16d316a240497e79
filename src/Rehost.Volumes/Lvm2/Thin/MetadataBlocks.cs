using System.Buffers.Binary;
using System.Numerics;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>
/// The blocks of a pool's metadata with their checksums (drivers/md/persistent-data/dm-block-manager.c). What is edited stays in memory until all of it is written: a change
/// that turns out impossible half way is forgotten. Not safe for several threads; the pool sees to that.
/// </summary>
internal sealed class MetadataBlocks(IBlockDevice device, string name)
{
    public const int BlockLength = 4096;

    private const int CachedBlocks = 2048;

    private readonly Dictionary<long, (BlockRole Role, byte[] Bytes)> _cache = [];
    private readonly Dictionary<long, (BlockRole Role, byte[] Bytes)> _edited = [];

    public string Name => name;

    public bool CanWrite => device.CanWrite;

    /// <summary>Blocks on the device.</summary>
    public long Count => device.Length / BlockLength;

    /// <summary>A checked block, not to be changed.</summary>
    /// <exception cref="DiagnosticException">It is damaged, or of another kind (VOL005).</exception>
    public byte[] Read(long number, BlockRole role)
    {
        if (!_edited.TryGetValue(number, out var known) && !_cache.TryGetValue(number, out known))
        {
            if (number < 0 || number >= Count)
            {
                throw Damaged($"lead to block {number} of {Count}");
            }

            known = (role, new byte[BlockLength]);
            device.Read(new GuestOffset(number * BlockLength), known.Bytes);
            Check(known.Bytes, role, number);
            Keep(number, known);
        }

        return known.Role == role ? known.Bytes : throw Damaged($"use block {number} as {role} and as {known.Role}");
    }

    /// <summary>A checked block to be changed.</summary>
    public byte[] Edit(long number, BlockRole role)
    {
        var bytes = Read(number, role);
        if (!_edited.ContainsKey(number))
        {
            bytes = (byte[])bytes.Clone();
            _edited[number] = (role, bytes);
        }

        return bytes;
    }

    /// <summary>A block of zeros that takes the place of whatever was there.</summary>
    public byte[] Make(long number, BlockRole role)
    {
        var bytes = new byte[BlockLength];
        _edited[number] = (role, bytes);
        return bytes;
    }

    /// <summary>Writes what was edited, the superblock last.</summary>
    public void Commit()
    {
        foreach (var (number, block) in _edited.OrderByDescending(one => one.Key))
        {
            BinaryPrimitives.WriteInt64LittleEndian(block.Bytes.AsSpan(8), number);
            BinaryPrimitives.WriteUInt32LittleEndian(block.Bytes, Checksum(block.Bytes, block.Role));
            device.Write(new GuestOffset(number * BlockLength), block.Bytes);
            Keep(number, block);
        }

        _edited.Clear();
    }

    /// <summary>Forgets what was edited.</summary>
    public void Discard() => _edited.Clear();

    public void Flush() => device.Flush();

    public DiagnosticException Damaged(string what) => VolumeDiagnostics.Damaged.ToException($"the metadata of the thin pool {what}", name);

    /// <summary>CRC-32C of everything behind the checksum, without its final inversion, mixed with a number for the kind of block (dm_bm_checksum).</summary>
    private static uint Checksum(byte[] block, BlockRole role)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(4)));
        for (var position = 8; position < block.Length; position += 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(position)));
        }

        return crc ^ (uint)role;
    }

    private void Check(byte[] block, BlockRole role, long number)
    {
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(block);
        var place = BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(8));
        if (Checksum(block, role) is var computed && (computed != stored || place != (ulong)number))
        {
            throw Damaged($"are damaged: block {number}, read as {role}, has checksum {computed:x8} against {stored:x8} stored, and says that it is block {place}");
        }

        if (role == BlockRole.Node && !ThinNode.IsSound(block))
        {
            throw Damaged($"are damaged: block {number} is no node of a tree");
        }
    }

    private void Keep(long number, (BlockRole Role, byte[] Bytes) block)
    {
        if (_cache.Count >= CachedBlocks)
        {
            _cache.Clear();
        }

        _cache[number] = block;
    }
}
