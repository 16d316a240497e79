using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Fuzz.Engine;

/// <summary>One execution: the input, and what the oracle is told.</summary>
internal sealed class FuzzRun(ImageBuffer buffer, Random random, HotPlaces? trace, CancellationToken cancellationToken)
{
    private const int MostReads = 2_000_000;
    private int _reads;

    /// <summary>Chance, the same for the same input.</summary>
    public Random Random => random;

    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>The input as bytes of its own.</summary>
    public byte[] Bytes => buffer.ToArray();

    /// <summary>The input as text, as the guest's files are read.</summary>
    public string Text => GuestText.Decode(buffer.Span);

    public int Length => buffer.Length;

    /// <summary>What was noticed: makes an input worth keeping.</summary>
    public HashSet<long> Features { get; } = [];

    /// <summary>The input as a disk that can be written.</summary>
    public IBlockDevice Device() => new BufferDevice(buffer, trace, CountRead);

    /// <summary>A part of the input as a disk.</summary>
    public IBlockDevice Device(int start, int length) => new BufferDevice(buffer, trace, CountRead, Math.Min(start, buffer.Length), Math.Clamp(length, 0, Math.Max(0, buffer.Length - start)));

    /// <summary>Does one thing; a finding must not hide what comes after it.</summary>
    public void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException)
        {
            // What damage must give.
        }
    }

    /// <summary>Notes how much of something there was, in powers of two.</summary>
    public void Note(string what, long value) => Features.Add(unchecked(((long)string.GetHashCode(what, StringComparison.Ordinal) << 8) + (value <= 0 ? 0 : 64 - long.LeadingZeroCount(value))));

    /// <summary>Goes through a sequence that must end.</summary>
    public int Exhaust<T>(IEnumerable<T> items, int most = 2_000_000)
    {
        var count = 0;
        foreach (var _ in items)
        {
            if (++count > most)
            {
                throw new OracleException("endless", $"more than {most} of {typeof(T).Name} from {Length} bytes");
            }
        }

        Note(typeof(T).Name, count);
        return count;
    }

    /// <summary>Demands a property.</summary>
    public void Demand(bool holds, string property, string message = "")
    {
        if (!holds)
        {
            throw new OracleException(property, message);
        }
    }

    private void CountRead()
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (++_reads > MostReads)
        {
            throw new OracleException("endless reading", $"more than {MostReads} reads of a disk of {Length} bytes");
        }
    }
}
