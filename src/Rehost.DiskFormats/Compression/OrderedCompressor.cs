using System.Collections.Concurrent;

namespace Rehost.DiskFormats.Compression;

/// <summary>
/// Compresses clusters on all processors and hands them on in the order in which they came, on the thread that submits: the output does not depend on
/// which worker was faster. A fixed number of clusters is under way, so memory is flat.
/// </summary>
internal sealed class OrderedCompressor : IDisposable
{
    private const int JobBytes = 128 << 10; // small clusters go together, so that handing over costs little against compressing
    private const int JobsPerProcessor = 6;

    private readonly Func<ClusterCompressor> _create;
    private readonly int _outputSize;
    private readonly int _clusterSize;
    private readonly int _clustersPerJob;
    private readonly int _jobsMax;
    private readonly Output _output;
    private readonly Queue<Job> _pending = new();
    private readonly Stack<Job> _spare = new();
    private readonly ConcurrentBag<ClusterCompressor> _idle = [];
    private Job? _filling;

    /// <summary>Makes a queue.</summary>
    /// <param name="compression">How to compress.</param>
    /// <param name="clusterSize">Bytes of each cluster.</param>
    /// <param name="output">Takes what comes out.</param>
    public OrderedCompressor(ImageCompression compression, int clusterSize, Output output)
        : this(() => ClusterCompressor.Create(compression), clusterSize, clusterSize - Math.Min(512, clusterSize / 8), output)
    {
        // Too small for a cluster that would hardly shrink: it is better read without decompressing.
    }

    /// <summary>Makes a queue with compressors of the caller's choice.</summary>
    /// <param name="create">Makes a compressor, one for each worker.</param>
    /// <param name="clusterSize">Bytes of each cluster.</param>
    /// <param name="outputSize">Room for compressed bytes; what does not fit is handed on as it came.</param>
    /// <param name="output">Takes what comes out.</param>
    public OrderedCompressor(Func<ClusterCompressor> create, int clusterSize, int outputSize, Output output)
    {
        _create = create;
        _outputSize = outputSize;
        _clusterSize = clusterSize;
        _clustersPerJob = Math.Max(1, JobBytes / clusterSize);
        _jobsMax = Math.Max(2, Math.Min(Environment.ProcessorCount * JobsPerProcessor, (64 << 20) / (_clustersPerJob * clusterSize)));
        _output = output;
        _idle.Add(create());
    }

    /// <summary>Takes a cluster: the number given at submission, its bytes, and whether they are compressed; what does not shrink is handed on as it came.</summary>
    public delegate void Output(long number, ReadOnlySpan<byte> bytes, bool isCompressed);

    /// <summary>Adds a cluster; may hand on earlier ones.</summary>
    public void Submit(long number, ReadOnlySpan<byte> cluster)
    {
        if (_filling is null)
        {
            while (_pending.Count >= _jobsMax)
            {
                HandOn();
            }

            _filling = _spare.TryPop(out var spare) ? spare : new Job(_clusterSize, _outputSize, _clustersPerJob);
        }

        _filling.Add(number, cluster);
        if (_filling.Count == _clustersPerJob)
        {
            Start();
        }
    }

    /// <summary>Hands on everything.</summary>
    public void Drain()
    {
        Start();
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

    private void Start()
    {
        if (_filling is { } job)
        {
            _filling = null;
            job.Work = Task.Run(() => Compress(job));
            _pending.Enqueue(job);
        }
    }

    private void HandOn()
    {
        var job = _pending.Dequeue();
        job.Work.GetAwaiter().GetResult();
        for (var i = 0; i < job.Count; i++)
        {
            _output(job.Numbers[i], job.Lengths[i] > 0 ? job.Compressed(i)[..job.Lengths[i]] : job.Plain(i), job.Lengths[i] > 0);
        }

        job.Count = 0;
        _spare.Push(job);
    }

    private void Compress(Job job)
    {
        var compressor = _idle.TryTake(out var idle) ? idle : _create();
        for (var i = 0; i < job.Count; i++)
        {
            job.Lengths[i] = compressor.Compress(job.Plain(i), job.Compressed(i));
        }

        _idle.Add(compressor);
    }

    private sealed class Job(int clusterSize, int outputSize, int capacity)
    {
        private readonly byte[] _input = GC.AllocateUninitializedArray<byte>(clusterSize * capacity);
        private readonly byte[] _output = GC.AllocateUninitializedArray<byte>(outputSize * capacity);

        public int Count { get; set; }

        public long[] Numbers { get; } = new long[capacity];

        public int[] Lengths { get; } = new int[capacity];

        public Task Work { get; set; } = Task.CompletedTask;

        public Span<byte> Plain(int index) => _input.AsSpan(index * clusterSize, clusterSize);

        public Span<byte> Compressed(int index) => _output.AsSpan(index * outputSize, outputSize);

        public void Add(long number, ReadOnlySpan<byte> cluster)
        {
            Numbers[Count] = number;
            cluster.CopyTo(Plain(Count));
            Count++;
        }
    }
}
