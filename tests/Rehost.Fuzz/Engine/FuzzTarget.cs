using System.Collections.Immutable;

namespace Rehost.Fuzz.Engine;

/// <summary>One parser, or one family of parsers, that is fed hostile input.</summary>
/// <param name="Name">As the command line has it: ext, grub.cfg.</param>
/// <param name="Seeds">Makes the samples; tools of the field work in the directory given.</param>
/// <param name="Run">Feeds one input to the parser. A DiagnosticException may leave it, nothing else.</param>
internal sealed record FuzzTarget(string Name, Func<SeedRoom, IEnumerable<FuzzSeed>> Seeds, Action<FuzzRun> Run)
{
    /// <summary>Types whose parsing this reaches, by name; a test demands that no parser is without a target.</summary>
    public ImmutableArray<string> Covers { get; init; } = [];

    /// <summary>Whether the input is text, mutated by line and word.</summary>
    public bool IsText { get; init; }

    /// <summary>Words that mutations of a text put in.</summary>
    public ImmutableArray<string> Words { get; init; } = [];

    /// <summary>Makes the checksums right again after a mutation, so that the damage gets past them.</summary>
    public Action<ImageBuffer>? Seal { get; init; }

    /// <summary>Leading bytes (magic, lengths of parts) that most mutations leave alone.</summary>
    public int KeptHead { get; init; }

    /// <summary>Whether an input may change its length other than by being cut.</summary>
    public bool IsElastic { get; init; } = true;

    /// <summary>Bytes that one execution may allocate in all.</summary>
    public long AllocationBudget { get; init; } = 512L << 20;

    /// <summary>Share of the time of a long run, against 1 of a simple text.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Executions of the short run in CI.</summary>
    public int SmokeExecutions { get; init; } = 150;
}
