using System.Runtime.ExceptionServices;

namespace Rehost.Transfer;

/// <summary>
/// Some threads that do the same to every piece of a disk. Each takes the next piece, does the part of the work that any order suits, and lays the result
/// into a ring; who finds the piece whose turn it is hands it on, and all that follow it and are ready, while the others go on with the next pieces. So
/// there is one hand-over, no thread that only reads or only writes, and every processor is busy as long as there is anything to do.
/// </summary>
internal sealed class PieceCrew
{
    private const int UnderWayPerWorker = 8;
    private readonly object _gate = new();
    private readonly IEnumerator<Piece.Plan> _plan;
    private readonly Action<Piece> _work;
    private readonly Action<Piece>? _handOver;
    private readonly CancellationToken _cancellationToken;
    private readonly Piece?[] _ready;
    private readonly Stack<Piece> _spare = new();
    private long _taken;
    private long _handedOver;
    private bool _isHandingOver;
    private bool _isStopped;
    private long _failedAt = long.MaxValue;
    private ExceptionDispatchInfo? _failure;

    private PieceCrew(IEnumerator<Piece.Plan> plan, int workers, Action<Piece> work, Action<Piece>? handOver, CancellationToken cancellationToken)
    {
        _plan = plan;
        _work = work;
        _handOver = handOver;
        _cancellationToken = cancellationToken;
        _ready = new Piece?[workers * UnderWayPerWorker];
    }

    /// <summary>Does all pieces; the calling thread is one of the workers.</summary>
    /// <param name="plan">The pieces in order. Enumerated by one thread at a time, though not always the same.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="work">What any thread may do at any time.</param>
    /// <param name="handOver">What is done in order, by one thread at a time; null for nothing.</param>
    /// <param name="cancellationToken">Stops after the pieces that are under way.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static void Run(IEnumerable<Piece.Plan> plan, int workers, Action<Piece> work, Action<Piece>? handOver, CancellationToken cancellationToken)
    {
        using var pieces = plan.GetEnumerator();
        var crew = new PieceCrew(pieces, workers, work, handOver, cancellationToken);
        var threads = new Thread[workers - 1];
        for (var i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(crew.Work) { IsBackground = true, Name = "copy" };
            threads[i].Start();
        }

        using (cancellationToken.Register(crew.Stop))
        {
            crew.Work();
            foreach (var thread in threads)
            {
                thread.Join();
            }
        }

        crew._failure?.Throw();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void Work()
    {
        var index = -1L;
        try
        {
            while (Take() is { } piece)
            {
                index = piece.Index;
                _work(piece);
                if (_handOver is null)
                {
                    GiveBack(piece);
                }
                else
                {
                    Submit(piece, ref index);
                }
            }
        }
        catch (Exception e)
        {
            // Thrown again on the thread that called: an exception must not end a thread, and with that the process.
            Fail(index, e);
        }
    }

    private Piece? Take()
    {
        lock (_gate)
        {
            while (!_isStopped && _handOver is not null && _taken - _handedOver >= _ready.Length)
            {
                Monitor.Wait(_gate);
            }

            if (_isStopped || _cancellationToken.IsCancellationRequested || !_plan.MoveNext())
            {
                return null;
            }

            var piece = _spare.TryPop(out var spare) ? spare : new Piece();
            (piece.Index, piece.Range, piece.IsZero) = (_taken++, _plan.Current.Range, _plan.Current.IsZero);
            return piece;
        }
    }

    private void GiveBack(Piece piece)
    {
        lock (_gate)
        {
            _spare.Push(piece);
        }
    }

    private void Submit(Piece piece, ref long index)
    {
        lock (_gate)
        {
            _ready[piece.Index % _ready.Length] = piece;
            if (_isHandingOver)
            {
                return;
            }

            _isHandingOver = true;
        }

        for (Piece? done = null; ; done = piece)
        {
            lock (_gate)
            {
                if (done is not null)
                {
                    _spare.Push(done);
                    _handedOver++;
                    Monitor.PulseAll(_gate);
                }

                ref var slot = ref _ready[_handedOver % _ready.Length];
                if (slot is null || _handedOver >= _failedAt || _cancellationToken.IsCancellationRequested)
                {
                    _isHandingOver = false;
                    return;
                }

                (piece, slot) = (slot, null);
            }

            index = piece.Index;
            _handOver?.Invoke(piece);
        }
    }

    private void Stop()
    {
        lock (_gate)
        {
            _isStopped = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// Keeps the failure that lies nearest to the start of the disk: with damage at several places the message is the same in every run. What lies before
    /// it is still handed over.
    /// </summary>
    private void Fail(long index, Exception e)
    {
        lock (_gate)
        {
            if (index < _failedAt || _failure is null)
            {
                (_failedAt, _failure) = (index, ExceptionDispatchInfo.Capture(e));
            }

            _isStopped = true;
            Monitor.PulseAll(_gate);
        }
    }
}
