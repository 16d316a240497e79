using Rehost.Transfer;

namespace Rehost.Pipeline;

/// <summary>Passes the bytes of a transfer on, in the thread that reports them.</summary>
internal sealed class ByteProgress(Action<long> report) : IProgress<TransferProgress>
{
    public void Report(TransferProgress value) => report(value.BytesDone);
}
