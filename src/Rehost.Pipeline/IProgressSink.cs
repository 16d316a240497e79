namespace Rehost.Pipeline;

/// <summary>Told how the work goes on. Called from one thread at a time.</summary>
public interface IProgressSink
{
    /// <summary>A stage begins; the one before has ended.</summary>
    /// <param name="title">What is being done.</param>
    /// <param name="totalBytes">Bytes that the stage will move; null when it moves none worth counting.</param>
    void BeginStage(string title, long? totalBytes = null);

    /// <summary>Bytes of the running stage done so far.</summary>
    void Report(long doneBytes);

    /// <summary>All stages are done.</summary>
    void Complete();
}

/// <summary>Says nothing.</summary>
public sealed class SilentProgress : IProgressSink
{
    /// <inheritdoc/>
    public void BeginStage(string title, long? totalBytes = null)
    {
    }

    /// <inheritdoc/>
    public void Report(long doneBytes)
    {
    }

    /// <inheritdoc/>
    public void Complete()
    {
    }
}
