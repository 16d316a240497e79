using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>A volume group as its metadata describes it.</summary>
internal sealed record VolumeGroup(
    string Name, string Id, long SequenceNumber, long ExtentBytes, IReadOnlySet<string> Status,
    ImmutableArray<GroupPhysicalVolume> PhysicalVolumes, ImmutableArray<LogicalVolume> LogicalVolumes, ImmutableArray<Diagnostic> Problems)
{
    private const long MaximumExtents = 1L << 40;
    private const long MaximumExtentSectors = 1L << 32;
    private const long MaximumSectors = 1L << 51;
    private const int MaximumSegments = 1_000_000;
    private const int Sector = 512;

    /// <summary>Reads a group. A volume that makes no sense is left out with a problem; the others are there all the same.</summary>
    /// <exception cref="DiagnosticException">The group as a whole is damaged (VOL005).</exception>
    public static VolumeGroup Read(ReadOnlySpan<byte> text)
    {
        var root = MetadataParser.Parse(text);
        var section = root.Sections.FirstOrDefault(one => one.Values("seqno") is not null)
            ?? throw VolumeDiagnostics.Damaged.ToException("no section has a seqno, so there is no group", "LVM metadata");
        var problems = ImmutableArray.CreateBuilder<Diagnostic>();
        var physical = (section.Section("physical_volumes")?.Sections ?? []).Select(ReadPhysical).ToImmutableArray();
        var logical = ImmutableArray.CreateBuilder<LogicalVolume>();
        foreach (var one in section.Section("logical_volumes")?.Sections ?? [])
        {
            try
            {
                logical.Add(ReadLogical(one));
            }
            catch (DiagnosticException e)
            {
                problems.Add(e.Diagnostic with { Where = $"{section.Name}/{one.Name}" });
            }
        }

        return new VolumeGroup(
            section.Name, section.NeedText("id"), section.NeedNumber("seqno", 0, long.MaxValue), section.NeedNumber("extent_size", 1, MaximumExtentSectors) * Sector, section.Flags("status"),
            physical, logical.ToImmutable(), problems.ToImmutable());
    }

    private static GroupPhysicalVolume ReadPhysical(MetadataSection section) => new(
        section.Name, LvmId.ToStored(section.NeedText("id")), section.NumberOr("pe_start", 0, 0, MaximumSectors) * Sector, section.NumberOr("pe_count", 0, 0, MaximumExtents),
        section.Flags("flags").Contains("MISSING") || section.Flags("status").Contains("MISSING"));

    private static LogicalVolume ReadLogical(MetadataSection section)
    {
        var segments = ImmutableArray.CreateBuilder<LogicalSegment>();
        var next = 0L;
        foreach (var one in section.Sections.Where(one => one.Name.StartsWith("segment", StringComparison.Ordinal)).Take(MaximumSegments)
            .Select(one => (Section: one, Start: one.NeedNumber("start_extent", 0, MaximumExtents))).OrderBy(one => one.Start))
        {
            if (one.Start != next)
            {
                throw VolumeDiagnostics.Damaged.ToException($"a segment begins at extent {one.Start}; the one before ends at {next}");
            }

            var count = one.Section.NeedNumber("extent_count", 1, MaximumExtents);
            next += count;
            segments.Add(new LogicalSegment(one.Start, count, LogicalSegment.Plain(one.Section.NeedText("type")), one.Section));
        }

        return new LogicalVolume(section.Name, section.Text("id") ?? "", section.Flags("status"), segments.ToImmutable());
    }
}
