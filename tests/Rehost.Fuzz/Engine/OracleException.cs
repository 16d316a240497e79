namespace Rehost.Fuzz.Engine;

/// <summary>A property that the oracle holds a parser to was broken.</summary>
internal sealed class OracleException(string property, string message) : Exception($"{property}: {message}")
{
    /// <summary>Which one: the same for all inputs that break it.</summary>
    public string Property => property;
}
