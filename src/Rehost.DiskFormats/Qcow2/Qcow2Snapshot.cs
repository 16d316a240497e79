using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>An entry of the snapshot table (QEMU docs/interop/qcow2.txt, "Snapshots").</summary>
internal sealed record Qcow2Snapshot
{
    private const int FixedSize = 40;
    private const int CountMax = 65536; // as QEMU
    private const int ExtraMax = 1024; // as QEMU
    private const long TableMax = 16 << 20;

    public required FileOffset L1Table { get; init; }

    public required int L1Entries { get; init; }

    public required uint Seconds { get; init; }

    public required uint Nanoseconds { get; init; }

    public required ulong ClockNanoseconds { get; init; }

    public required uint StateBytes { get; init; }

    /// <summary>Extra data as it is: state size and disk size of 64 bits, and what came later.</summary>
    public required ImmutableArray<byte> Extra { get; init; }

    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Size of the disk; null when the table is too old to say.</summary>
    public long? DiskLength => Extra.Length >= 16 ? BinaryPrimitives.ReadInt64BigEndian(Extra.AsSpan()[8..]) : null;

    /// <summary>Bytes of saved memory.</summary>
    public long SavedState => Extra.Length >= 8 ? BinaryPrimitives.ReadInt64BigEndian(Extra.AsSpan()) : StateBytes;

    /// <summary>Reads the table.</summary>
    /// <returns>The snapshots, and the bytes of the table.</returns>
    /// <exception cref="DiagnosticException">The table leaves the file, or is larger than any real one (QCW006).</exception>
    public static (ImmutableArray<Qcow2Snapshot> Snapshots, long TableBytes) ParseTable(IBlockDevice file, Qcow2Header header, string name)
    {
        if (header.SnapshotCount == 0)
        {
            return ([], 0);
        }

        Demand(header.SnapshotCount <= CountMax, $"{header.SnapshotCount} snapshots; at most {CountMax} are read", name);
        Demand(header.SnapshotsOffset <= (ulong)file.Length && header.SnapshotsOffset % (ulong)header.ClusterSize == 0 && header.SnapshotsOffset != 0,
            $"the snapshot table lies at 0x{header.SnapshotsOffset:x} in a file of {file.Length} bytes", name);
        var start = (long)header.SnapshotsOffset;
        var position = start;
        var snapshots = ImmutableArray.CreateBuilder<Qcow2Snapshot>();
        Span<byte> entry = stackalloc byte[FixedSize];
        for (var i = 0u; i < header.SnapshotCount; i++)
        {
            Demand(position <= file.Length - FixedSize, $"snapshot {i} would lie behind the end of the file", name);
            file.Read(new GuestOffset(position), entry);
            var extra = BinaryPrimitives.ReadUInt32BigEndian(entry[36..]);
            var idLength = BinaryPrimitives.ReadUInt16BigEndian(entry[12..]);
            var nameLength = BinaryPrimitives.ReadUInt16BigEndian(entry[14..]);
            Demand(extra <= ExtraMax, $"snapshot {i} has {extra} bytes of extra data; at most {ExtraMax} are read", name);
            var rest = (int)extra + idLength + nameLength;
            Demand(position + FixedSize <= file.Length - rest && position - start <= TableMax, $"the table of {header.SnapshotCount} snapshots leaves the file or has more than {TableMax} bytes", name);
            var bytes = new byte[rest];
            file.Read(new GuestOffset(position + FixedSize), bytes);
            snapshots.Add(Parse(entry, bytes, (int)extra, idLength, header, file, name));
            position += Pad(FixedSize + rest);
        }

        return (snapshots.ToImmutable(), position - start);
    }

    /// <summary>The entry's bytes, padding included.</summary>
    public byte[] ToBytes()
    {
        var (id, name) = (GuestText.Encode(Id), GuestText.Encode(Name));
        var bytes = new byte[Pad(FixedSize + Extra.Length + id.Length + name.Length)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, L1Table.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(8), L1Entries);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(12), (ushort)id.Length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(14), (ushort)name.Length);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(16), Seconds);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(20), Nanoseconds);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(24), ClockNanoseconds);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(32), StateBytes);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(36), Extra.Length);
        Extra.CopyTo(bytes, FixedSize);
        id.CopyTo(bytes, FixedSize + Extra.Length);
        name.CopyTo(bytes, FixedSize + Extra.Length + id.Length);
        return bytes;
    }

    private static Qcow2Snapshot Parse(ReadOnlySpan<byte> entry, ReadOnlySpan<byte> rest, int extra, int idLength, Qcow2Header header, IBlockDevice file, string name)
    {
        var l1Table = BinaryPrimitives.ReadUInt64BigEndian(entry);
        var l1Entries = BinaryPrimitives.ReadUInt32BigEndian(entry[8..]);
        Demand(l1Table <= long.MaxValue >> 8 && l1Entries <= Qcow2Header.L1EntriesMax, $"a snapshot's L1 table of {l1Entries} entries at 0x{l1Table:x}", name);
        var snapshot = new Qcow2Snapshot
        {
            L1Table = new FileOffset((long)l1Table),
            L1Entries = (int)l1Entries,
            Seconds = BinaryPrimitives.ReadUInt32BigEndian(entry[16..]),
            Nanoseconds = BinaryPrimitives.ReadUInt32BigEndian(entry[20..]),
            ClockNanoseconds = BinaryPrimitives.ReadUInt64BigEndian(entry[24..]),
            StateBytes = BinaryPrimitives.ReadUInt32BigEndian(entry[32..]),
            Extra = [.. rest[..extra]],
            Id = GuestText.Decode(rest.Slice(extra, idLength)),
            Name = GuestText.Decode(rest[(extra + idLength)..]),
        };
        header.CheckL1(snapshot.L1Table, snapshot.L1Entries, file, name);
        var length = snapshot.DiskLength ?? header.DiskLength;
        Demand(length is >= 0 and <= long.MaxValue >> 1 && snapshot.SavedState >= 0, $"snapshot '{snapshot.Name}' of a disk of {length} bytes with {snapshot.SavedState} bytes of state", name);
        return snapshot;
    }

    private static int Pad(int length) => (length + 7) & ~7;

    private static void Demand(bool condition, string found, string name)
    {
        if (!condition)
        {
            throw Qcow2Diagnostics.BadTable.ToException(found, name);
        }
    }
}
