using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Mbr;

/// <summary>The partition table of sector 0, to be written: disk id and up to four primary partitions. Boot code in the sector is left alone.</summary>
/// <param name="DiskId">NT disk signature; PARTUUIDs derive from it.</param>
/// <param name="Entries">Primary partitions.</param>
public sealed record MbrTable(uint DiskId, ImmutableArray<MbrEntry> Entries)
{
    private const int Heads = 255;
    private const int SectorsPerTrack = 63;
    private const int Cylinders = 1024;

    /// <summary>Bytes of the sector.</summary>
    public const int SectorLength = MbrSector.Size;

    /// <summary>Reads the four primary entries, so that they can be written back changed. Entries are taken as they are, without a look at the disk.</summary>
    /// <exception cref="DiagnosticException">The sector has no 55 AA signature (PAR013).</exception>
    public static MbrTable Parse(ReadOnlySpan<byte> sector)
    {
        if (sector.Length < MbrSector.Size || !new MbrSector(sector).HasSignature)
        {
            throw PartitionDiagnostics.CannotExpress.ToException("sector 0 has no 55 AA signature, so there is no table to change", "sector 0");
        }

        var view = new MbrSector(sector);
        var entries = ImmutableArray.CreateBuilder<MbrEntry>();
        for (var index = 0; index < MbrSector.EntryCount; index++)
        {
            var entry = view[index];
            if (!entry.IsEmpty)
            {
                entries.Add(new MbrEntry(index + 1, entry.Type, new Lba(entry.Start), entry.Sectors, entry.BootIndicator == 0x80));
            }
        }

        return new MbrTable(view.DiskId, entries.ToImmutable());
    }

    /// <summary>The same table with one partition active and no other; the BIOS boot code of old MBRs starts that one.</summary>
    public MbrTable WithBootable(int number)
        => this with { Entries = [.. Entries.Select(entry => entry with { IsBootable = entry.Number == number })] };

    /// <summary>The same table with one more partition, or with another in place of the one of that number.</summary>
    public MbrTable With(MbrEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return this with { Entries = [.. Entries.Where(other => other.Number != entry.Number).Append(entry).OrderBy(other => other.Number)] };
    }

    /// <summary>The same table with another type of one partition.</summary>
    /// <exception cref="DiagnosticException">There is no such partition (PAR013).</exception>
    public MbrTable WithType(int number, byte type)
        => With((Entries.FirstOrDefault(entry => entry.Number == number) ?? throw PartitionDiagnostics.CannotExpress.ToException("there is no such partition", $"partition {number}")) with { Type = type });

    /// <summary>A whole sector 0 with this table and no boot code.</summary>
    public byte[] ToSector()
    {
        var sector = new byte[MbrSector.Size];
        WriteTo(sector);
        return sector;
    }

    /// <summary>Writes disk id, entries and signature into a sector, keeping the boot code before them.</summary>
    /// <exception cref="DiagnosticException">A partition cannot be expressed, or two overlap (PAR013).</exception>
    public void WriteTo(Span<byte> sector)
    {
        Verify();
        BinaryPrimitives.WriteUInt32LittleEndian(sector[MbrSector.DiskIdOffset..], DiskId);
        sector[MbrSector.TableOffset..MbrSector.SignatureOffset].Clear();
        foreach (var entry in Entries)
        {
            var bytes = sector.Slice(MbrSector.TableOffset + ((entry.Number - 1) * MbrSector.EntrySize), MbrSector.EntrySize);
            bytes[0] = entry.IsBootable ? (byte)0x80 : (byte)0;
            WriteCylinderHeadSector(bytes[1..], entry.Start.Value);
            bytes[4] = entry.Type;
            WriteCylinderHeadSector(bytes[5..], entry.Start.Value + entry.Sectors - 1);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], (uint)entry.Start.Value);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], (uint)entry.Sectors);
        }

        sector[MbrSector.SignatureOffset] = 0x55;
        sector[MbrSector.SignatureOffset + 1] = 0xaa;
    }

    /// <summary>Writes the table to a disk, keeping the boot code there.</summary>
    /// <exception cref="DiagnosticException">A partition cannot be expressed or leaves the disk (PAR013), or the disk cannot be written.</exception>
    public void WriteTo(IBlockDevice disk, int sectorSize = Lba.SectorSize)
    {
        ArgumentNullException.ThrowIfNull(disk);
        foreach (var entry in Entries.Where(entry => entry.Start.Value + entry.Sectors > disk.Length / sectorSize))
        {
            throw PartitionDiagnostics.CannotExpress.ToException(
                $"sectors {entry.Start.Value} to {entry.Start.Value + entry.Sectors - 1} leave a disk of {disk.Length / sectorSize}", $"partition {entry.Number}");
        }

        Span<byte> sector = stackalloc byte[MbrSector.Size];
        disk.Read(GuestOffset.Zero, sector);
        WriteTo(sector);
        disk.Write(GuestOffset.Zero, sector);
    }

    /// <summary>CHS of the 255/63 geometry every BIOS with LBA translation reports; what lies beyond cylinder 1023 gets the last address there is.</summary>
    internal static void WriteCylinderHeadSector(Span<byte> bytes, long sector)
    {
        sector = Math.Min(sector, ((long)Cylinders * Heads * SectorsPerTrack) - 1);
        var cylinder = (int)(sector / (Heads * SectorsPerTrack));
        bytes[0] = (byte)(sector / SectorsPerTrack % Heads);
        bytes[1] = (byte)((sector % SectorsPerTrack) + 1 | (long)(cylinder >> 8 << 6));
        bytes[2] = (byte)(cylinder & 0xff);
    }

    private void Verify()
    {
        foreach (var entry in Entries)
        {
            var where = $"partition {entry.Number}";
            if (entry.Number is < 1 or > MbrSector.EntryCount || Entries.Count(other => other.Number == entry.Number) > 1)
            {
                throw PartitionDiagnostics.CannotExpress.ToException("an MBR has slots 1 to 4, each for one partition", where);
            }

            if (entry.Start.Value is < 1 or > uint.MaxValue || entry.Sectors is < 1 or > uint.MaxValue)
            {
                throw PartitionDiagnostics.CannotExpress.ToException($"{entry.Sectors} sectors from {entry.Start.Value} on do not fit 32 bits", where);
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
