using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>
/// Puts boot.img and core.img on a disk, byte for byte as grub-install --no-rs-codes (grub-bios-setup) does: into the gap between MBR and first partition, or into
/// a BIOS boot partition (S1.33; docs/formats/grub2-bios.md).
/// </summary>
public static class Grub2Installer
{
    private const int SectorSize = Lba.SectorSize;

    private const int BpbStart = 0x03;
    private const int BpbEnd = 0x5a;
    private const int KernelAddressOffset = 0x5a;
    private const int KernelSectorOffset = 0x5c;
    private const int BootDriveOffset = 0x64;
    private const int DriveCheckOffset = 0x66;
    private const int DiskIdOffset = 0x1b8;
    private const int SignatureOffset = 0x1fe;
    private const ushort KernelAddress = 0x8000;
    private const byte DriveFromBios = 0xff;
    private const int BlockListSize = 12;

    /// <summary>Works out what to write, without writing.</summary>
    /// <param name="disk">The disk, with its partition table.</param>
    /// <param name="files">GRUB's files; boot.img is taken from here.</param>
    /// <param name="core">The core image, from <see cref="Grub2Image.Build"/> or grub-mkimage.</param>
    /// <exception cref="DiagnosticException">There is no place for it (GRB006 to GRB008, GRB011), or a file is not what it should be.</exception>
    public static Grub2Embedding Prepare(IBlockDevice disk, IGrubFiles files, ReadOnlySpan<byte> core)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(files);
        var boot = ReadBoot(files);
        var sectors = (core.Length + SectorSize - 1) / SectorSize;
        CheckCore(core, sectors);
        var (first, place) = FindPlace(disk, sectors);
        return new Grub2Embedding(
            [.. PatchBoot(boot, disk, first)], first, [.. PatchCore(core, first, sectors)], place);
    }

    /// <summary>Works out what to write, and writes it.</summary>
    /// <inheritdoc cref="Prepare"/>
    public static Grub2Embedding Install(IBlockDevice disk, IGrubFiles files, ReadOnlySpan<byte> core)
    {
        var embedding = Prepare(disk, files, core);
        embedding.WriteTo(disk);
        return embedding;
    }

    /// <summary>How many sectors a core image may have on this disk, and where they are.</summary>
    /// <exception cref="DiagnosticException">There is no place at all (GRB007, GRB008, GRB011).</exception>
    public static (Lba First, long Sectors, string Place) FindRoom(IBlockDevice disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var table = PartitionTable.Read(disk);
        if (table.SectorSize != SectorSize)
        {
            throw GrubDiagnostics.LargeSectors.ToException($"the GPT counts sectors of {table.SectorSize} bytes");
        }

        switch (table.Kind)
        {
            case PartitionTableKind.Mbr:
                var gapEnd = table.FirstUsedByte(disk).Value / SectorSize;
                return (new Lba(1), gapEnd - 1, $"the gap before the first partition at sector {gapEnd}");
            case PartitionTableKind.Gpt:
                var biosBoot = table.Partitions.FirstOrDefault(one => one.TypeId == PartitionTypes.ToTypeId(PartitionTypes.BiosBoot))
                    ?? throw GrubDiagnostics.NoBiosBootPartition.ToException($"its {table.Partitions.Length} partitions have other types");
                return (biosBoot.FirstSector, biosBoot.Length / SectorSize, $"the BIOS boot partition {biosBoot.Number} at sector {biosBoot.FirstSector.Value}");
            default:
                throw GrubDiagnostics.NoPartitionTable.ToException("sector 0 holds no partition table with partitions");
        }
    }

    private static (Lba First, string Place) FindPlace(IBlockDevice disk, int sectors)
    {
        var (first, room, place) = FindRoom(disk);
        return sectors <= room
            ? (first, place)
            : throw GrubDiagnostics.GapTooSmall.ToException($"the core image needs {sectors} sectors; {place} has {room}");
    }

    private static byte[] ReadBoot(IGrubFiles files)
    {
        var boot = files.Read("boot.img");
        return boot.Length == SectorSize && boot[SignatureOffset] == 0x55 && boot[SignatureOffset + 1] == 0xaa
            && BinaryPrimitives.ReadUInt16LittleEndian(boot.AsSpan(KernelAddressOffset)) == KernelAddress
            ? boot
            : throw GrubDiagnostics.FileMalformed.ToException(
                $"{boot.Length} bytes, or no boot sector of GRUB 2.00 and later (which has 0x{KernelAddress:x} at 0x{KernelAddressOffset:x})", $"{files.Description}/boot.img");
    }

    private static void CheckCore(ReadOnlySpan<byte> core, int sectors)
    {
        if (sectors is < 2 or > ushort.MaxValue || BinaryPrimitives.ReadUInt16LittleEndian(core[Grub2Image.BlockListSegment..]) != Grub2Image.LoadSegment)
        {
            throw GrubDiagnostics.NotACoreImage.ToException($"{core.Length} bytes, or a first sector without a block list to segment 0x{Grub2Image.LoadSegment:x}");
        }
    }

    private static byte[] PatchBoot(byte[] boot, IBlockDevice disk, Lba first)
    {
        var sector = (byte[])boot.Clone();
        Span<byte> old = stackalloc byte[SectorSize];
        disk.Read(GuestOffset.Zero, old);
        old[BpbStart..BpbEnd].CopyTo(sector.AsSpan(BpbStart));
        old[DiskIdOffset..SignatureOffset].CopyTo(sector.AsSpan(DiskIdOffset));
        BinaryPrimitives.WriteInt64LittleEndian(sector.AsSpan(KernelSectorOffset), first.Value);
        sector[BootDriveOffset] = DriveFromBios;

        // Two NOPs for the jump over the test that mends the drive number of BIOSes which do not set bit 7 for hard disks.
        sector.AsSpan(DriveCheckOffset, 2).Fill(0x90);
        return sector;
    }

    private static byte[] PatchCore(ReadOnlySpan<byte> core, Lba first, int sectors)
    {
        var image = new byte[sectors * SectorSize];
        core.CopyTo(image);
        var list = image.AsSpan(Grub2Image.BlockListOffset, BlockListSize);
        BinaryPrimitives.WriteInt64LittleEndian(list, first.Value + 1);
        BinaryPrimitives.WriteUInt16LittleEndian(list[8..], (ushort)(sectors - 1));
        BinaryPrimitives.WriteUInt16LittleEndian(list[10..], Grub2Image.LoadSegment);

        // The list grows downwards and ends with an entry of length 0.
        image.AsSpan(Grub2Image.BlockListOffset - BlockListSize, BlockListSize).Clear();
        return image;
    }
}
