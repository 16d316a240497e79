using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2.Snapshots;

/// <summary>
/// A volume with snapshots of the old kind. What a write would change is copied into each snapshot's store first, as the kernel does. Nothing of it is free: a snapshot
/// shows blocks of it that its own file system does not use.
/// </summary>
internal sealed class SnapshotOriginVolume(IBlockDevice origin, ImmutableArray<ExceptionStore> stores) : IBlockDevice
{
    public long Length => origin.Length;

    public bool CanWrite => origin.CanWrite && stores.All(store => store.CanWrite);

    public void Read(GuestOffset offset, Span<byte> buffer) => origin.Read(offset, buffer);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Preserve(offset, data.Length);
        origin.Write(offset, data);
    }

    public void WriteZeros(GuestOffset offset, long length)
    {
        Preserve(offset, length);
        origin.WriteZeros(offset, length);
    }

    public void Flush()
    {
        foreach (var store in stores)
        {
            store.Flush();
        }

        origin.Flush();
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => origin.GetExtents(offset, length);

    public StoredRange? FindStored(GuestOffset offset, long length) => origin.FindStored(offset, length);

    /// <summary>Nothing: the devices below belong to someone else.</summary>
    public void Dispose()
    {
    }

    private void Preserve(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, "origin");

        // All are asked before any is written: a write that is refused has changed nothing.
        foreach (var store in stores)
        {
            store.DemandRoom(offset.Value, length);
        }

        foreach (var store in stores)
        {
            store.Preserve(origin, offset.Value, length);
        }
    }
}
