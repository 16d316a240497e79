namespace Rehost.Fuzz.Engine;

/// <summary>What a campaign against one target came to.</summary>
internal sealed record CampaignResult
{
    public string Target { get; init; } = "";

    public long Executions { get; init; }

    public double Seconds { get; init; }

    /// <summary>Processor time of them; on a busy machine much less than the time that passed.</summary>
    public double ProcessorSeconds { get; init; }

    public int Seeds { get; init; }

    public int Corpus { get; init; }

    public IReadOnlyList<string> Ids { get; init; } = [];

    public IReadOnlyList<Finding> Findings { get; init; } = [];
}
