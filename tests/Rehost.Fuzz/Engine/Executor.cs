using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Rehost.Model;

namespace Rehost.Fuzz.Engine;

/// <summary>Executes inputs of one target and judges what comes out.</summary>
internal sealed class Executor : IDisposable
{
    /// <summary>Processor time that one execution may take: far above what any sample takes, also on a busy machine.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);
    private readonly FuzzTarget _target;
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly HashSet<string> _ids = [];
    private HashSet<long> _features = [];

    public Executor(FuzzTarget target)
    {
        _target = target;
        AppDomain.CurrentDomain.FirstChanceException += OnException;
    }

    /// <summary>Executes what a buffer holds.</summary>
    /// <param name="buffer">The input; edits of the target stay in it.</param>
    /// <param name="seed">Of the chance that the target takes.</param>
    /// <param name="trace">Takes what is read.</param>
    /// <param name="cancellationToken">Ends an execution that takes too long, where the target hears it.</param>
    public Outcome Execute(ImageBuffer buffer, int seed, HotPlaces? trace = null, CancellationToken cancellationToken = default)
    {
        _ids.Clear();
        var run = new FuzzRun(buffer, new Random(seed), trace, cancellationToken);
        _features = run.Features;
        var length = buffer.Length;
        var (allocated, time) = (GC.GetAllocatedBytesForCurrentThread(), ThreadClock.Now());
        Fault? fault = null;
        try
        {
            _target.Run(run);
        }
        catch (DiagnosticException)
        {
            // What damage must give.
        }
        catch (Exception e)
        {
            fault = Fault.Of(e);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        var took = ThreadClock.Now() - time;
        if (allocated > _target.AllocationBudget)
        {
            fault ??= new Fault("allocation", $"{allocated >> 20} MiB were allocated for an input of {length} bytes; {_target.AllocationBudget >> 20} MiB are granted");
        }

        if (took > Longest)
        {
            fault ??= new Fault("time", $"{took.TotalSeconds:0.0} s of processor time for an input of {length} bytes");
        }

        run.Note("allocated", allocated >> 12);
        return new Outcome(fault, run.Features, new HashSet<string>(_ids));
    }

    public void Dispose() => AppDomain.CurrentDomain.FirstChanceException -= OnException;

    // Also what the parser itself catches: the places of all exceptions stand for the branches that were taken.
    private void OnException(object? sender, FirstChanceExceptionEventArgs e)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            return;
        }

        if (e.Exception is DiagnosticException { Diagnostic.Id: var id })
        {
            _ids.Add(id);
        }

        if (new StackTrace(e.Exception, fNeedFileInfo: false).GetFrame(0) is { } frame && frame.GetMethod() is { } method)
        {
            _features.Add(unchecked(((long)method.GetHashCode() << 20) + frame.GetILOffset()));
        }
    }
}
