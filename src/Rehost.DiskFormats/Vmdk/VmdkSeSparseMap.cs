using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Tables of a seSparse extent: 64-bit entries whose top four bits are the kind, and whose grain number is stored in two parts.</summary>
internal sealed class VmdkSeSparseMap : VmdkTableMap
{
    private const int EntryBytes = 8;
    private const int KindShift = 60;
    private const ulong AllocatedTable = 0x10000000; // upper half of a directory entry
    private readonly IBlockDevice _file;
    private readonly string _name;
    private readonly VmdkSeSparseHeader _header;
    private readonly VmdkDirectory _directory;

    public VmdkSeSparseMap(IBlockDevice file, string name, VmdkSeSparseHeader header, int cacheBytes)
        : base(VmdkSeSparseHeader.GrainSectors * VmdkHeader.SectorSize, VmdkSeSparseHeader.TableEntries, EntryBytes, CountTables(header), cacheBytes)
    {
        _file = file;
        _name = name;
        _header = header;
        var bytes = TableCount * EntryBytes;
        if (!VmdkDirectory.Fits(file, header.Directory, bytes) && TableCount > 0)
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the header puts a directory of {bytes} bytes at sector {header.Directory} of a file of {file.Length} bytes", name);
        }

        _directory = new VmdkDirectory(file, (long)header.Directory * VmdkHeader.SectorSize, bytes);
    }

    protected override byte[]? Load(long table)
    {
        var entry = BinaryPrimitives.ReadUInt64LittleEndian(_directory.Entry(table, EntryBytes));
        if (entry == 0)
        {
            return null;
        }

        var sector = _header.Tables + ((entry & uint.MaxValue) * VmdkSeSparseHeader.TableSectors);
        if (entry >> 32 != AllocatedTable || (entry & uint.MaxValue) >= _header.TablesSectors / VmdkSeSparseHeader.TableSectors || !VmdkDirectory.Fits(_file, sector, TableBytes))
        {
            throw VmdkDiagnostics.BadTable.ToException($"directory entry {table} is 0x{entry:x16}", _name);
        }

        var bytes = new byte[TableBytes];
        _file.Read(new GuestOffset((long)sector * VmdkHeader.SectorSize), bytes);
        return bytes;
    }

    protected override VmdkGrain Decode(ReadOnlySpan<byte> table, int within, long grain)
    {
        var entry = BinaryPrimitives.ReadUInt64LittleEndian(table[(within * EntryBytes)..]);
        switch (entry >> KindShift)
        {
            case 0 when entry == 0:
                return default;
            case 1 or 2: // unmapped by the guest (SCSI UNMAP), or zeroed
                return new VmdkGrain(VmdkGrainKind.Zero, 0);
            case 3:
                var number = ((entry & 0x0fff_0000_0000_0000) >> 48) | ((entry & 0x0000_ffff_ffff_ffff) << 12);
                var sector = number <= VmdkHeader.CapacityMax ? _header.Grains + (number * VmdkSeSparseHeader.GrainSectors) : ulong.MaxValue;
                if (sector < (ulong)(_file.Length / VmdkHeader.SectorSize) && sector > 0)
                {
                    return new VmdkGrain(VmdkGrainKind.Plain, (long)sector * VmdkHeader.SectorSize);
                }

                break;
        }

        throw VmdkDiagnostics.BadTable.ToException($"the entry of grain {grain} is 0x{entry:x16} in a file of {_file.Length} bytes", _name);
    }

    private static long CountTables(VmdkSeSparseHeader header)
        => (long)((header.Capacity + (VmdkSeSparseHeader.GrainSectors * VmdkSeSparseHeader.TableEntries) - 1) / (VmdkSeSparseHeader.GrainSectors * VmdkSeSparseHeader.TableEntries));
}
