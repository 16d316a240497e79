namespace Rehost.Pipeline;

/// <summary>A run was stopped, and what it had done is kept.</summary>
public sealed class StoppedException : OperationCanceledException
{
    /// <summary>Says so.</summary>
    public StoppedException()
    {
    }

    /// <summary>Says so.</summary>
    /// <param name="hint">What is kept, and how to go on.</param>
    public StoppedException(string hint)
        : base(hint)
    {
    }

    /// <summary>Says so.</summary>
    /// <param name="hint">What is kept, and how to go on.</param>
    /// <param name="inner">What stopped it.</param>
    public StoppedException(string hint, Exception inner)
        : base(hint, inner)
    {
    }
}
