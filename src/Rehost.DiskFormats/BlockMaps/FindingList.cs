using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.DiskFormats.BlockMaps;

/// <summary>Collects what a check finds; the list is bounded, the count is not.</summary>
internal sealed class FindingList
{
    private readonly ImmutableArray<Diagnostic>.Builder _findings = ImmutableArray.CreateBuilder<Diagnostic>();

    public long Errors { get; private set; }

    public void Add(Diagnostic finding)
    {
        if (finding.Severity == Severity.Error)
        {
            Errors++;
        }

        if (_findings.Count < ImageCheckReport.FindingLimit)
        {
            _findings.Add(finding);
        }
    }

    public ImageCheckReport Report(long leakedBytes, long storedBytes) => new(_findings.ToImmutable(), Errors, leakedBytes, storedBytes);
}
