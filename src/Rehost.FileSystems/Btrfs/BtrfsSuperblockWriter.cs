using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Writes the superblocks of a new generation: after everything that they lead to, on every device and in every copy.</summary>
internal sealed class BtrfsSuperblockWriter(BtrfsVolume volume)
{
    private const int DeviceItemSize = 98;
    private const int BackupOffset = 0xb2b;
    private const int BackupSize = 168;
    private const int BackupCount = 4;

    public void Write(ulong generation, BtrfsTransaction transaction)
    {
        foreach (var device in volume.Devices.Values)
        {
            device.Flush();
        }

        var first = volume.Superblock;
        foreach (var (id, device) in volume.Devices)
        {
            var stored = id == first.DeviceId ? first : BtrfsSuperblock.Read(device);
            var bytes = stored.ToBytes();
            Update(bytes, generation, transaction);
            foreach (var offset in BtrfsSuperblock.Offsets.Where(offset => offset + BtrfsSuperblock.Size <= (long)Math.Min((ulong)device.Length, Math.Max(stored.DeviceBytes, 1 << 20))))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x30), (ulong)offset);
                bytes.AsSpan(0, BtrfsChecksum.FieldSize).Clear();
                first.Checksum.Compute(bytes.AsSpan(BtrfsChecksum.FieldSize), bytes);
                device.Write(new GuestOffset(offset), bytes);
            }

            device.Flush();
            if (id == first.DeviceId)
            {
                volume.Superblock = BtrfsSuperblock.Of(bytes, first.Checksum);
            }
        }
    }

    private static void Update(byte[] bytes, ulong generation, BtrfsTransaction transaction)
    {
        var old = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0x48));
        Put(bytes, 0x48, generation);
        foreach (var tree in transaction.ChangedTrees)
        {
            if (tree is { Id: BtrfsRoots.RootTree, Root: { } root })
            {
                Put(bytes, 0x50, root.Place.Logical);
                bytes[0xc6] = (byte)root.Level;
            }
            else if (tree is { Id: BtrfsRoots.ChunkTree, Root: { } chunks })
            {
                Put(bytes, 0x58, chunks.Place.Logical);
                Put(bytes, 0xa4, generation);
                bytes[0xc7] = (byte)chunks.Level;
                if (tree.Get(new BtrfsKey(1, BtrfsKey.DevItem, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0xc9)))) is { Data.Length: >= DeviceItemSize } device)
                {
                    device.Data.Span[..DeviceItemSize].CopyTo(bytes.AsSpan(0xc9));
                }
            }
        }

        var used = (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0x78)), long.MaxValue / 2) + transaction.Space.UsedDifference;
        Put(bytes, 0x78, (ulong)Math.Max(0, used));

        // The generation of the space cache (v1) stays behind, by which the kernel knows not to believe it; that of the UUID tree goes along, because it is still right.
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0x233)) == old)
        {
            Put(bytes, 0x233, generation);
        }

        WriteBackup(bytes, generation, transaction);
    }

    /// <summary>struct btrfs_root_backup: where the trees were in the last four generations, for a mount that is told to try them.</summary>
    private static void WriteBackup(byte[] bytes, ulong generation, BtrfsTransaction transaction)
    {
        var oldest = Enumerable.Range(0, BackupCount).MinBy(i => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(BackupOffset + (i * BackupSize) + 8)));
        var backup = bytes.AsSpan(BackupOffset + (oldest * BackupSize), BackupSize);
        backup.Clear();
        var levels = 0x98;
        foreach (var (id, offset) in new[] { (BtrfsRoots.RootTree, 0), (BtrfsRoots.ChunkTree, 16), (BtrfsRoots.ExtentTree, 32), (BtrfsRoots.TopLevel, 48), (BtrfsRoots.DeviceTree, 64), (BtrfsRoots.ChecksumTree, 80) })
        {
            var tree = transaction.Tree(id);
            Put(backup, offset, tree.Root?.Place.Logical ?? tree.StoredLogical);
            Put(backup, offset + 8, tree.Root is null ? tree.StoredGeneration : generation);
            backup[levels++] = (byte)(tree.Root?.Level ?? tree.StoredLevel);
        }

        bytes.AsSpan(0x70, 16).CopyTo(backup[96..]); // total and used bytes
        bytes.AsSpan(0x88, 8).CopyTo(backup[112..]); // number of devices
    }

    private static void Put(Span<byte> bytes, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes[at..], value);
}
