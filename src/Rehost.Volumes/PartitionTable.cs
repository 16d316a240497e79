using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Gpt;
using Rehost.Volumes.Mbr;

namespace Rehost.Volumes;

/// <summary>How a disk is divided, read as the Linux kernel reads it (block/partitions/{efi,msdos}.c), so that the guest and Rehost number partitions alike.</summary>
/// <param name="Kind">MBR, GPT or none.</param>
/// <param name="DiskId">Linux's PTUUID: eight lower-case hex digits on MBR, a lower-case GUID on GPT, empty when there is no table.</param>
/// <param name="SectorSize">Bytes in a sector of this table.</param>
/// <param name="Partitions">In order of their numbers.</param>
/// <param name="Diagnostics">What was wrong and tolerated.</param>
public sealed record PartitionTable(
    PartitionTableKind Kind, string DiskId, int SectorSize, ImmutableArray<Partition> Partitions, ImmutableArray<Diagnostic> Diagnostics)
{
    /// <summary>Reads the table of a disk.</summary>
    /// <param name="disk">The whole disk.</param>
    /// <param name="sectorSize">What an MBR counts in; nothing in it says so. A GPT is found at 512 and at 4096 by itself.</param>
    /// <exception cref="DiagnosticException">A GPT is announced and both copies are unusable (PAR007), or the disk cannot be read.</exception>
    public static PartitionTable Read(IBlockDevice disk, int sectorSize = Lba.SectorSize)
    {
        ArgumentNullException.ThrowIfNull(disk);
        if (sectorSize is not (512 or 4096))
        {
            throw PartitionDiagnostics.CannotExpress.ToException($"a sector size of {sectorSize} bytes; 512 and 4096 are known");
        }

        var diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        if (disk.Length < MbrSector.Size)
        {
            return None(sectorSize, diagnostics);
        }

        Span<byte> bytes = stackalloc byte[MbrSector.Size];
        disk.Read(GuestOffset.Zero, bytes);
        var sector = new MbrSector(bytes);
        if (!sector.HasSignature)
        {
            WarnOfUnprotectedGpt(disk, diagnostics);
            return None(sectorSize, diagnostics);
        }

        if (!sector.HasValidBootIndicators)
        {
            diagnostics.Add(PartitionDiagnostics.NotATable.Create(
                sector.FileSystemName is { } name ? $"sector 0 is the boot sector of a {name} volume" : "the boot indicators in sector 0 are neither 00 nor 80"));
            return None(sectorSize, diagnostics);
        }

        if (sector.HasProtectiveEntry)
        {
            return GptReader.Read(disk, sector.IsHybrid, diagnostics);
        }

        WarnOfUnprotectedGpt(disk, diagnostics);
        return MbrReader.Read(disk, sector, sectorSize, diagnostics) ?? None(sectorSize, diagnostics);
    }

    /// <summary>The partition with a number; null when there is none.</summary>
    public Partition? Find(int number) => Partitions.FirstOrDefault(partition => partition.Number == number);

    /// <summary>The first byte that a partition uses; the whole disk when there is none.</summary>
    public GuestOffset FirstUsedByte(IBlockDevice disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return Partitions.IsEmpty ? new GuestOffset(disk.Length) : Partitions.Min(partition => partition.Start);
    }

    private static PartitionTable None(int sectorSize, ImmutableArray<Diagnostic>.Builder diagnostics)
        => new(PartitionTableKind.None, "", sectorSize, [], diagnostics.ToImmutable());

    private static void WarnOfUnprotectedGpt(IBlockDevice disk, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        if (GptReader.FindPrimary(disk) is { } primary)
        {
            diagnostics.Add(PartitionDiagnostics.GptWithoutProtectiveMbr.Create(
                $"a valid GPT header at byte {primary.SectorSize}, but no entry of type ee in sector 0"));
        }
    }
}
