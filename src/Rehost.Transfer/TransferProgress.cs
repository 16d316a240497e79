namespace Rehost.Transfer;

/// <summary>How far a copy or a proof is. Counts bytes that are really read, so that the time left is honest on a sparse disk.</summary>
/// <param name="BytesDone">Bytes read and dealt with.</param>
/// <param name="BytesTotal">Bytes that will have been read at the end.</param>
/// <param name="Elapsed">Time since the start.</param>
public readonly record struct TransferProgress(long BytesDone, long BytesTotal, TimeSpan Elapsed)
{
    /// <summary>Bytes per second since the start.</summary>
    public double Rate => Elapsed > TimeSpan.Zero ? BytesDone / Elapsed.TotalSeconds : 0;

    /// <summary>Time left at that rate; null while it cannot be told.</summary>
    public TimeSpan? Remaining => Rate > 0 ? TimeSpan.FromSeconds((BytesTotal - BytesDone) / Rate) : null;
}
