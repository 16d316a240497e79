using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Verifies a disk: its tables and their copies, that no two grains overlap, that every stored grain is there, and the checksum of every compressed one.</summary>
internal sealed class VmdkCheck
{
    private const int RangesMax = 32 << 20; // 256 MiB: grains beyond are not looked at for overlaps
    private readonly ImmutableArray<Diagnostic>.Builder _findings = ImmutableArray.CreateBuilder<Diagnostic>();
    private readonly Lock _gate = new();
    private long _errors;
    private long _stored;
    private long _leaked;

    private VmdkCheck()
    {
    }

    public static ImageCheckReport Run(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        var check = new VmdkCheck();
        using (var image = VmdkImage.Open(request with { Report = check.Add }))
        {
            foreach (var extent in image.Extents)
            {
                if (extent is VmdkSparseExtent sparse)
                {
                    check.CheckSparse(sparse, cancellationToken);
                }
                else if (extent is VmdkFlatExtent)
                {
                    check._stored += extent.Length;
                }
            }
        }

        return new ImageCheckReport(check._findings.ToImmutable(), check._errors, check._leaked, check._stored);
    }

    private void Add(Diagnostic finding)
    {
        lock (_gate)
        {
            _errors += finding.Severity == Severity.Error ? 1 : 0;
            if (_findings.Count < ImageCheckReport.FindingLimit)
            {
                _findings.Add(finding);
            }
        }
    }

    private void CheckSparse(VmdkSparseExtent extent, CancellationToken cancellationToken)
    {
        var ranges = new List<ulong>();
        var map = extent.Map;
        var tables = (extent.Length + (map.GrainsPerTable * map.GrainBytes) - 1) / (map.GrainsPerTable * map.GrainBytes);
        if (extent.Grains is null)
        {
            for (long table = 0; table < tables; table++)
            {
                CheckTable(extent, table, ranges, cancellationToken);
            }
        }
        else
        {
            // Inflating is what takes the time.
            Parallel.For(0L, tables, new ParallelOptions { CancellationToken = cancellationToken }, table => CheckTable(extent, table, ranges, cancellationToken));
        }

        CheckOverlaps(extent, ranges);
    }

    private void CheckTable(VmdkSparseExtent extent, long table, List<ulong> ranges, CancellationToken cancellationToken)
    {
        var map = extent.Map;
        try
        {
            CompareCopies(extent, table);
            if (map.IsTableMissing(table))
            {
                return;
            }
        }
        catch (DiagnosticException e)
        {
            Add(e.Diagnostic);
            return;
        }

        var content = extent.Grains is null ? [] : new byte[map.GrainBytes];
        var end = Math.Min((table + 1) * map.GrainsPerTable, (extent.Length + map.GrainBytes - 1) / map.GrainBytes);
        for (var grain = table * map.GrainsPerTable; grain < end; grain++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                CheckGrain(extent, grain, content, ranges);
            }
            catch (DiagnosticException e)
            {
                Add(e.Diagnostic);
            }
        }
    }

    private void CheckGrain(VmdkSparseExtent extent, long grain, byte[] content, List<ulong> ranges)
    {
        var place = extent.Map.Locate(grain);
        if (place.Kind is VmdkGrainKind.Absent or VmdkGrainKind.Zero)
        {
            return;
        }

        var needed = Math.Min(extent.Map.GrainBytes, extent.Length - (grain * extent.Map.GrainBytes));
        long taken = extent.Map.GrainBytes;
        if (place.Kind == VmdkGrainKind.Compressed && extent.Grains is not null)
        {
            taken = extent.Grains.Verify(grain, place.Offset, content);
        }
        else if (place.Offset > extent.File.Length - needed)
        {
            Add(VmdkDiagnostics.ShortExtent.Create($"grain {grain} should be at {place.Offset} of a file of {extent.File.Length} bytes", extent.Name));
        }

        lock (_gate)
        {
            _stored += needed;
            if (ranges.Count < RangesMax)
            {
                // Sector and sectors in one number, so that sorting is cheap: files end before 2^45 sectors, grains before 2^18.
                ranges.Add(((ulong)(place.Offset / VmdkHeader.SectorSize) << 18) | (ulong)((taken + VmdkHeader.SectorSize - 1) / VmdkHeader.SectorSize));
            }
        }
    }

    private void CompareCopies(VmdkSparseExtent extent, long table)
    {
        if (extent.Map is VmdkDirectoryMap { HasRedundant: true } tables && tables.ReadRaw(table, redundant: false) is { } first && tables.ReadRaw(table, redundant: true) is { } second
            && first.AsSpan().CommonPrefixLength(second) is var common && common < first.Length)
        {
            Add(VmdkDiagnostics.TablesDiffer.Create($"table {table}, from its entry {common / 4} on", extent.Name));
        }
    }

    private void CheckOverlaps(VmdkSparseExtent extent, List<ulong> ranges)
    {
        ranges.Sort();
        var end = extent.Header is { } header ? (long)Math.Min(header.Overhead, VmdkHeader.CapacityMax) : 0;
        long used = end;
        foreach (var range in ranges)
        {
            var start = (long)(range >> 18);
            if (start < end)
            {
                Add(VmdkDiagnostics.Overlap.Create($"the grain at sector {start} starts before sector {end}, where what is before it ends", extent.Name));
            }

            used += Math.Max(0, start + (long)(range & 0x3ffff) - Math.Max(start, end));
            end = Math.Max(end, start + (long)(range & 0x3ffff));
        }

        // What a stream holds besides its grains are markers and tables; elsewhere all of them are before the grains.
        if (extent.Header is { IsCompressed: false } && ranges.Count < RangesMax)
        {
            _leaked += Math.Max(0, extent.File.Length - (used * VmdkHeader.SectorSize));
        }
    }
}
