namespace Rehost.WindowsRegistry;

/// <summary>How a hive is opened.</summary>
public sealed record HiveOpenOptions
{
    /// <summary>The contents of .LOG, .LOG1 and .LOG2, as far as there are any, in any order; empty ones do no harm.</summary>
    public IReadOnlyList<byte[]> Logs { get; init; } = [];

    /// <summary>Take a hive that was not written completely as it is on disk when no log completes it. What was pending is lost.</summary>
    public bool AcceptPendingChanges { get; init; }

    /// <summary>The time that changed keys and the hive get; by default the hive's own, so that the same edits give the same bytes.</summary>
    public DateTimeOffset? Timestamp { get; init; }
}
