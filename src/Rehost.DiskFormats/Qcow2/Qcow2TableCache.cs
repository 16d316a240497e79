using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>The L2 tables used last, decoded. Holds a fixed number, so that memory does not grow with the disk.</summary>
internal sealed class Qcow2TableCache(IBlockDevice file, int clusterSize)
{
    private readonly (long Offset, ulong[] Entries)?[] _slots = new (long, ulong[])?[Math.Max(4, (1 << 20) / clusterSize)];
    private readonly Lock _gate = new();

    /// <summary>The table at an offset that was checked to lie in the file.</summary>
    public ulong[] Get(long offset)
    {
        var slot = (int)(offset / clusterSize % _slots.Length);
        lock (_gate)
        {
            if (_slots[slot] is { } cached && cached.Offset == offset)
            {
                return cached.Entries;
            }
        }

        var bytes = new byte[clusterSize];
        file.Read(new GuestOffset(offset), bytes);
        var entries = new ulong[clusterSize / 8];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(i * 8));
        }

        lock (_gate)
        {
            _slots[slot] = (offset, entries);
        }

        return entries;
    }
}
