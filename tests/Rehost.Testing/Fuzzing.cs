namespace Rehost.Testing;

/// <summary>How long a fuzz test runs.</summary>
public static class Fuzzing
{
    /// <summary>Rounds of one test: REHOST_FUZZ_ROUNDS, for hours by hand, or what CI has time for.</summary>
    public static int Rounds(int usual) => int.TryParse(Environment.GetEnvironmentVariable("REHOST_FUZZ_ROUNDS"), out var wanted) && wanted > 0 ? wanted : usual;
}
