using System.Collections.Concurrent;

namespace Rehost.DiskFormats.Compression;

/// <summary>
/// Compresses clusters on all processors and hands them on in the order in which they came, on the thread that submits: the output does not depend on
/// which worker was faster. A fixed number of clusters is under way, so memory is flat.
/// </summary>
internal sealed class OrderedCompressor : IDisposable
{
    private readonly Func<ClusterCompressor> _create;
    private readonly int _clusterSize;
    private readonly int _outputSize;
    private readonly Action<long, ReadOnlyMemory<byte>, bool> _output;
    private readonly int _limit = Environment.ProcessorCount * 8;
    private readonly Queue<Job> _pending = new();
    private readonly Stack<Job> _spare = new();
    private readonly ConcurrentBag<ClusterCompressor> _idle = [];

    /// <summary>Makes a queue.</summary>
    /// <param name="compression">How to compress.</param>
    /// <param name="clusterSize">Bytes of each cluster.</param>
    /// <param name="output">Takes the number given at submission, the bytes, and whether they are compressed: what does not shrink is handed on as it came.</param>
    public OrderedCompressor(ImageCompression compression, int clusterSize, Action<long, ReadOnlyMemory<byte>, bool> output)
        : this(() => ClusterCompressor.Create(compression), clusterSize, clusterSize - 512, output)
    {
        // Too small for a cluster that would not save at least a sector.
    }

    /// <summary>Makes a queue with compressors of the caller's choice.</summary>
    /// <param name="create">Makes a compressor, one for each worker.</param>
    /// <param name="clusterSize">Bytes of each cluster.</param>
    /// <param name="outputSize">Room for compressed bytes; what does not fit is handed on as it came.</param>
    /// <param name="output">As above.</param>
    public OrderedCompressor(Func<ClusterCompressor> create, int clusterSize, int outputSize, Action<long, ReadOnlyMemory<byte>, bool> output)
    {
        _create = create;
        _clusterSize = clusterSize;
        _outputSize = outputSize;
        _output = output;
        _idle.Add(create());
    }

    /// <summary>Adds a cluster; may hand on earlier ones.</summary>
    public void Submit(long number, ReadOnlySpan<byte> cluster)
    {
        while (_pending.Count >= _limit)
        {
            HandOn();
        }

        var job = _spare.TryPop(out var spare) ? spare : new Job(_clusterSize, _outputSize);
        job.Number = number;
        cluster.CopyTo(job.Input);
        job.Work = Task.Run(() => Compress(job));
        _pending.Enqueue(job);
    }

    /// <summary>Hands on everything.</summary>
    public void Drain()
    {
        while (_pending.Count > 0)
        {
            HandOn();
        }
    }

    public void Dispose()
    {
        foreach (var job in _pending)
        {
            try
            {
                job.Work.GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is InvalidOperationException or Model.DiagnosticException)
            {
                // Given up already; only the end of the worker matters here.
            }
        }

        while (_idle.TryTake(out var compressor))
        {
            compressor.Dispose();
        }
    }

    private void HandOn()
    {
        var job = _pending.Dequeue();
        job.Work.GetAwaiter().GetResult();
        _output(job.Number, job.Length > 0 ? job.Output.AsMemory(0, job.Length) : job.Input, job.Length > 0);
        _spare.Push(job);
    }

    private void Compress(Job job)
    {
        var compressor = _idle.TryTake(out var idle) ? idle : _create();
        job.Length = compressor.Compress(job.Input, job.Output);
        _idle.Add(compressor);
    }

    private sealed class Job(int clusterSize, int outputSize)
    {
        public long Number { get; set; }

        public byte[] Input { get; } = new byte[clusterSize];

        public byte[] Output { get; } = new byte[outputSize];

        public int Length { get; set; }

        public Task Work { get; set; } = Task.CompletedTask;
    }
}
