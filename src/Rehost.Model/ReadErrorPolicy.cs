namespace Rehost.Model;

/// <summary>What to do where a source cannot be read.</summary>
public enum ReadErrorPolicy
{
    /// <summary>Stop.</summary>
    Stop,

    /// <summary>Take zeros for the sectors that cannot be read, and say which they were.</summary>
    Zero,
}
