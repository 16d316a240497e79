using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.Model;

namespace Rehost.Volumes.Gpt;

/// <summary>Reads a GPT: the primary copy behind sector 0, or the backup at the end of the disk when the primary is damaged.</summary>
internal static class GptReader
{
    private const int NameOffset = 56;
    private const int NameBytes = 72;
    private const ulong LegacyBootable = 1 << 2;

    /// <summary>Linux gives a disk 255 partitions at most.</summary>
    private const int MaxNumber = 255;

    private static readonly ImmutableArray<int> SectorSizes = [512, 4096];

    /// <summary>Reads the GPT that a protective MBR announces.</summary>
    /// <exception cref="DiagnosticException">Neither copy is usable (PAR007).</exception>
    public static PartitionTable Read(IBlockDevice disk, bool isHybrid, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        if (isHybrid)
        {
            diagnostics.Add(PartitionDiagnostics.HybridMbr.Create("sector 0 holds entries beside the protective one"));
        }

        var problems = new List<string>();
        foreach (var sectorSize in SectorSizes)
        {
            if (TryPrimary(disk, sectorSize, out var problem) is { } primary)
            {
                WarnOfBackup(disk, primary.Header, diagnostics);
                return Build(disk, primary, diagnostics);
            }

            problems.Add(problem);
        }

        foreach (var sectorSize in SectorSizes)
        {
            if (TryBackup(disk, sectorSize, out var problem) is { } backup)
            {
                diagnostics.Add(PartitionDiagnostics.PrimaryGptDamaged.Create(problems[sectorSize == 512 ? 0 : 1]));
                return Build(disk, backup, diagnostics);
            }

            problems.Add(problem);
        }

        throw PartitionDiagnostics.GptUnusable.ToException("sector 0 announces a GPT: " + string.Join("; ", problems));
    }

    /// <summary>The primary header alone, when it is whole.</summary>
    public static GptHeader? FindPrimary(IBlockDevice disk)
        => SectorSizes.Select(size => GptHeader.Read(disk, 1, size, out _)).FirstOrDefault(header => header is not null);

    private static GptCopy? TryPrimary(IBlockDevice disk, int sectorSize, out string problem)
        => GptHeader.Read(disk, 1, sectorSize, out problem) is { } header ? TryEntries(disk, header, out problem) : null;

    private static GptCopy? TryBackup(IBlockDevice disk, int sectorSize, out string problem)
    {
        // The last sector is where the backup belongs; a disk that has grown has it where the primary header says, if that one is whole.
        var header = GptHeader.Read(disk, (disk.Length / sectorSize) - 1, sectorSize, out problem);
        if (header is null && GptHeader.Read(disk, 1, sectorSize, out _) is { } primary)
        {
            header = GptHeader.Read(disk, primary.Alternate, sectorSize, out problem);
        }

        return header is null ? null : TryEntries(disk, header, out problem);
    }

    private static GptCopy? TryEntries(IBlockDevice disk, GptHeader header, out string problem)
    {
        var entries = new byte[header.EntryCount * header.EntrySize];
        disk.Read(new Lba(header.EntriesStart).ToOffset(header.SectorSize), entries);
        var crc = Crc32.Of(entries);
        problem = crc == header.EntriesCrc ? "" : $"the entries at sector {header.EntriesStart} have CRC {crc:x8} against {header.EntriesCrc:x8} stored";
        return problem.Length == 0 ? new GptCopy(header, entries) : null;
    }

    private static void WarnOfBackup(IBlockDevice disk, GptHeader primary, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        if (GptHeader.Read(disk, primary.Alternate, primary.SectorSize, out var problem) is not { } backup || TryEntries(disk, backup, out problem) is null)
        {
            diagnostics.Add(PartitionDiagnostics.BackupGptDamaged.Create(problem));
        }
        else if (backup.DiskGuid != primary.DiskGuid || backup.EntriesCrc != primary.EntriesCrc)
        {
            diagnostics.Add(PartitionDiagnostics.BackupGptDamaged.Create("the backup describes other partitions than the primary"));
        }
    }

    private static PartitionTable Build(IBlockDevice disk, GptCopy copy, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        var partitions = ImmutableArray.CreateBuilder<Partition>();
        for (var index = 0; index < Math.Min(copy.Header.EntryCount, MaxNumber); index++)
        {
            if (Parse(disk, copy.Header.SectorSize, index + 1, copy.Entries.AsSpan(index * copy.Header.EntrySize, copy.Header.EntrySize), diagnostics) is { } partition)
            {
                partitions.Add(partition);
            }
        }

        PartitionRange.WarnOfOverlaps(partitions, diagnostics);
        return new PartitionTable(PartitionTableKind.Gpt, copy.Header.DiskGuid.ToString("D"), copy.Header.SectorSize, partitions.ToImmutable(), diagnostics.ToImmutable());
    }

    private static Partition? Parse(IBlockDevice disk, int sectorSize, int number, ReadOnlySpan<byte> entry, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        var type = new Guid(entry[..16]);
        var first = BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]);
        var last = BinaryPrimitives.ReadUInt64LittleEndian(entry[40..]);
        if (type == Guid.Empty)
        {
            return null;
        }

        if (first == 0 || last < first || last == ulong.MaxValue)
        {
            diagnostics.Add(PartitionDiagnostics.StartsBeyondDisk.Create($"sectors {first} to {last} are no range", $"partition {number}"));
            return null;
        }

        if (PartitionRange.Fit(disk, number, first, last - first + 1, sectorSize, diagnostics) is not { } range)
        {
            return null;
        }

        return new Partition(number, new Lba((long)first), range.Start, range.Length, PartitionTypes.ToTypeId(type), new Guid(entry.Slice(16, 16)).ToString("D"))
        {
            IsBootable = (BinaryPrimitives.ReadUInt64LittleEndian(entry[48..]) & LegacyBootable) != 0,
            Name = DecodeName(entry.Slice(NameOffset, NameBytes)),
        };
    }

    private static string DecodeName(ReadOnlySpan<byte> bytes)
    {
        // Unpaired surrogates become U+FFFD, so that the name survives JSON.
        var name = Encoding.Unicode.GetString(bytes);
        var end = name.IndexOf('\0', StringComparison.Ordinal);
        return end < 0 ? name : name[..end];
    }

    private sealed record GptCopy(GptHeader Header, byte[] Entries);
}
