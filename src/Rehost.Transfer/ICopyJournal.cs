namespace Rehost.Transfer;

/// <summary>Remembers how far a copy is.</summary>
public interface ICopyJournal
{
    /// <summary>Everything before this byte of the disk was made durable by an earlier run.</summary>
    long DurableEnd { get; }

    /// <summary>Everything before this byte of the disk was handed to the target. Called in order, by one thread at a time.</summary>
    void Reached(long end);
}
