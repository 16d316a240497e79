using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.Model;
using Rehost.Volumes.Mbr;

namespace Rehost.Volumes.Gpt;

/// <summary>A GPT to be written: protective MBR, primary and backup copy (UEFI specification 2.10, chapter 5). No GUID is invented here.</summary>
/// <param name="DiskId">The disk's GUID.</param>
/// <param name="Entries">Partitions.</param>
/// <param name="SectorSize">Bytes in a sector, 512 or 4096.</param>
public sealed record GptTable(Guid DiskId, ImmutableArray<GptEntry> Entries, int SectorSize = Lba.SectorSize)
{
    private const int UsualEntryCount = 128;
    private const int UsualEntrySize = 128;
    private const int NameUnits = 36;
    private const uint Revision = 0x00010000;

    /// <summary>Entries that the table has room for.</summary>
    public int EntryCount { get; init; } = UsualEntryCount;

    /// <summary>Bytes of an entry; what lies behind the first 128 of one is written as zeros.</summary>
    public int EntrySize { get; init; } = UsualEntrySize;

    /// <summary>The first sector that a partition may use.</summary>
    public Lba FirstUsable => new(2 + EntrySectors);

    private int EntrySectors => ((EntryCount * EntrySize) + SectorSize - 1) / SectorSize;

    /// <summary>
    /// Reads the table of a disk so that it can be written back changed: with ids, names and attributes, and with entries of the size and number that they have. Written
    /// to a disk that has grown, its backup goes to the new end.
    /// </summary>
    /// <exception cref="DiagnosticException">The disk has no GPT that is whole (PAR013).</exception>
    public static GptTable Read(IBlockDevice disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        if (GptReader.FindPrimary(disk) is not { } header)
        {
            throw PartitionDiagnostics.CannotExpress.ToException("the disk has no whole primary GPT to change");
        }

        var bytes = new byte[header.EntryCount * header.EntrySize];
        disk.Read(new Lba(header.EntriesStart).ToOffset(header.SectorSize), bytes);
        if (Crc32.Of(bytes) != header.EntriesCrc)
        {
            throw PartitionDiagnostics.CannotExpress.ToException("the entries of the primary GPT are damaged");
        }

        var entries = ImmutableArray.CreateBuilder<GptEntry>();
        for (var index = 0; index < header.EntryCount; index++)
        {
            var slot = bytes.AsSpan(index * header.EntrySize, header.EntrySize);
            var type = new Guid(slot[..16]);
            if (type == Guid.Empty)
            {
                continue;
            }

            var first = BinaryPrimitives.ReadInt64LittleEndian(slot[32..]);
            var last = BinaryPrimitives.ReadInt64LittleEndian(slot[40..]);
            if (first < 1 || last < first || last > disk.Length / header.SectorSize)
            {
                throw PartitionDiagnostics.CannotExpress.ToException($"sectors {first} to {last} are no range", $"partition {index + 1}");
            }

            var name = MemoryMarshal.Cast<byte, char>(slot.Slice(56, NameUnits * 2));
            var end = name.IndexOf('\0');
            entries.Add(new GptEntry(index + 1, type, new Guid(slot.Slice(16, 16)), new Lba(first), last - first + 1, new string(end < 0 ? name : name[..end]),
                BinaryPrimitives.ReadUInt64LittleEndian(slot[48..])));
        }

        return new GptTable(header.DiskGuid, entries.ToImmutable(), header.SectorSize) { EntryCount = header.EntryCount, EntrySize = header.EntrySize };
    }

    /// <summary>The same table with one more partition, or with another in place of the one of that number.</summary>
    public GptTable With(GptEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return this with { Entries = [.. Entries.Where(other => other.Number != entry.Number).Append(entry).OrderBy(other => other.Number)] };
    }

    /// <summary>The same table with another type of one partition; everything else of it, its id too, stays.</summary>
    /// <exception cref="DiagnosticException">There is no such partition (PAR013).</exception>
    public GptTable WithType(int number, Guid type) => With(Find(number) with { Type = type });

    /// <summary>The same table with the "legacy BIOS bootable" attribute on one partition and no other.</summary>
    public GptTable WithBootable(int number)
        => this with { Entries = [.. Entries.Select(entry => entry with { Attributes = entry.Number == number ? entry.Attributes | GptEntry.LegacyBootable : entry.Attributes & ~GptEntry.LegacyBootable })] };

    /// <summary>The last sector that a partition may use on a disk of this length.</summary>
    public Lba LastUsable(long diskLength) => new((diskLength / SectorSize) - EntrySectors - 2);

    /// <summary>Writes both copies and the protective MBR, keeping the boot code in sector 0.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="protectiveIsBootable">Whether the protective entry is marked active: some BIOSes do not boot a disk without an active partition.</param>
    /// <exception cref="DiagnosticException">A partition cannot be expressed (PAR013), or the disk cannot be written.</exception>
    public void WriteTo(IBlockDevice disk, bool protectiveIsBootable = false)
    {
        ArgumentNullException.ThrowIfNull(disk);
        Verify(disk.Length);
        var entries = BuildEntries();
        var crc = Crc32.Of(entries);
        var last = (disk.Length / SectorSize) - 1;
        var backupEntries = last - EntrySectors;

        // Backup first: whoever is interrupted has one whole copy of either the old or the new table.
        disk.Write(new Lba(backupEntries).ToOffset(SectorSize), entries);
        disk.Write(new Lba(last).ToOffset(SectorSize), BuildHeader(disk.Length, last, 1, backupEntries, crc));
        disk.Write(new Lba(2).ToOffset(SectorSize), entries);
        disk.Write(new Lba(1).ToOffset(SectorSize), BuildHeader(disk.Length, 1, last, 2, crc));
        WriteProtectiveMbr(disk, protectiveIsBootable);
    }

    private void WriteProtectiveMbr(IBlockDevice disk, bool isBootable)
    {
        Span<byte> sector = stackalloc byte[MbrSector.Size];
        disk.Read(GuestOffset.Zero, sector);
        if (new MbrSector(sector) is { HasSignature: true, HasProtectiveEntry: true, IsHybrid: true })
        {
            // Somebody wants those entries for a system that knows no GPT; they stay as they are.
            return;
        }

        sector[MbrSector.DiskIdOffset..MbrSector.SignatureOffset].Clear();
        var entry = sector.Slice(MbrSector.TableOffset, MbrSector.EntrySize);
        entry[0] = isBootable ? (byte)0x80 : (byte)0;
        MbrTable.WriteCylinderHeadSector(entry[1..], 1);
        entry[4] = PartitionTypes.MbrProtective;

        // Table 5.4: the end is ff ff ff when CHS cannot express it, the size is at most ffffffff.
        entry[5..8].Fill(0xff);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)Math.Min((disk.Length / SectorSize) - 1, uint.MaxValue));
        sector[MbrSector.SignatureOffset] = 0x55;
        sector[MbrSector.SignatureOffset + 1] = 0xaa;
        disk.Write(GuestOffset.Zero, sector);
    }

    private GptEntry Find(int number) => Entries.FirstOrDefault(entry => entry.Number == number) ?? throw PartitionDiagnostics.CannotExpress.ToException("there is no such partition", $"partition {number}");

    private byte[] BuildEntries()
    {
        var bytes = new byte[EntryCount * EntrySize];
        foreach (var entry in Entries)
        {
            var slot = bytes.AsSpan((entry.Number - 1) * EntrySize, EntrySize);
            entry.Type.TryWriteBytes(slot);
            entry.Id.TryWriteBytes(slot[16..]);
            BinaryPrimitives.WriteInt64LittleEndian(slot[32..], entry.Start.Value);
            BinaryPrimitives.WriteInt64LittleEndian(slot[40..], entry.Start.Value + entry.Sectors - 1);
            BinaryPrimitives.WriteUInt64LittleEndian(slot[48..], entry.Attributes);
            MemoryMarshal.AsBytes(entry.Name.AsSpan()).CopyTo(slot[56..]);
        }

        return bytes;
    }

    private byte[] BuildHeader(long diskLength, long current, long alternate, long entriesStart, uint entriesCrc)
    {
        var bytes = new byte[SectorSize];
        GptHeader.Signature.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(0x08), Revision);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(0x0c), GptHeader.MinimumSize);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x18), current);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x20), alternate);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x28), FirstUsable.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x30), LastUsable(diskLength).Value);
        DiskId.TryWriteBytes(bytes.AsSpan(0x38));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x48), entriesStart);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(0x50), EntryCount);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(0x54), EntrySize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(0x58), entriesCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(0x10), Crc32.Of(bytes.AsSpan(0, GptHeader.MinimumSize)));
        return bytes;
    }

    private void Verify(long diskLength)
    {
        if (SectorSize is not (512 or 4096))
        {
            throw PartitionDiagnostics.CannotExpress.ToException($"a sector size of {SectorSize} bytes; 512 and 4096 are known");
        }

        if (EntrySize < UsualEntrySize || EntrySize % 8 != 0 || EntryCount < 1 || (long)EntryCount * EntrySize > GptHeader.MaximumTableBytes)
        {
            throw PartitionDiagnostics.CannotExpress.ToException($"{EntryCount} entries of {EntrySize} bytes");
        }

        if (LastUsable(diskLength) < FirstUsable)
        {
            throw PartitionDiagnostics.CannotExpress.ToException($"a disk of {diskLength} bytes has no room for two copies of a GPT");
        }

        foreach (var entry in Entries)
        {
            var where = $"partition {entry.Number}";
            if (entry.Number < 1 || entry.Number > EntryCount || Entries.Count(other => other.Number == entry.Number) > 1)
            {
                throw PartitionDiagnostics.CannotExpress.ToException($"this GPT has entries 1 to {EntryCount}, each for one partition", where);
            }

            if (entry.Type == Guid.Empty || entry.Id == Guid.Empty || Entries.Count(other => other.Id == entry.Id) > 1)
            {
                throw PartitionDiagnostics.CannotExpress.ToException("it needs a type and a GUID of its own", where);
            }

            if (entry.Name.Length > NameUnits)
            {
                throw PartitionDiagnostics.CannotExpress.ToException($"its name has {entry.Name.Length} characters; {NameUnits} fit", where);
            }

            if (entry.Start < FirstUsable || entry.Sectors < 1 || entry.Sectors > LastUsable(diskLength).Value - entry.Start.Value + 1)
            {
                throw PartitionDiagnostics.CannotExpress.ToException(
                    $"{entry.Sectors} sectors from {entry.Start.Value} on leave the usable sectors {FirstUsable.Value} to {LastUsable(diskLength).Value}", where);
            }
        }

        // Only now that every range is known to be small enough to add up.
        foreach (var entry in Entries)
        {
            if (Entries.FirstOrDefault(other => other.Number != entry.Number && entry.Start.Value < other.Start.Value + other.Sectors
                && other.Start.Value < entry.Start.Value + entry.Sectors) is { } overlapped)
            {
                throw PartitionDiagnostics.CannotExpress.ToException($"it overlaps partition {overlapped.Number}", $"partition {entry.Number}");
            }
        }
    }
}
