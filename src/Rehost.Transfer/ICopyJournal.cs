namespace Rehost.Transfer;

/// <summary>Remembers how far a copy is.</summary>
public interface ICopyJournal
{
    /// <summary>Everything before this byte of the disk was made durable by an earlier run, and is there.</summary>
    long DurableEnd { get; }

    /// <summary>Whether the sums of what is copied are wanted.</summary>
    bool WantsSums { get; }

    /// <summary>Everything before this byte of the disk was handed to the target. Called in order, by one thread at a time.</summary>
    /// <param name="end">The byte.</param>
    /// <param name="sum">The sum of what follows the last one that was reached; 0 for zeros, and where none is wanted.</param>
    void Reached(long end, ulong sum);
}
