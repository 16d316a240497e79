using System.Collections.Immutable;
using System.Globalization;
using Rehost.Hypervisors.XenServer;

namespace Rehost.Remote.Xapi;

/// <summary>A task on the host. Import and export answer before they have done anything: only the task says how they ended.</summary>
internal sealed class XapiTask : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private readonly XapiSession _session;

    private XapiTask(XapiSession session, string reference) => (_session, Reference) = (session, reference);

    public string Reference { get; }

    public static XapiTask Create(XapiSession session, string label, CancellationToken cancellationToken)
        => new(session, session.CallText("task.create", cancellationToken, label, "made by rehost"));

    /// <summary>What the host says of it now; null while it runs.</summary>
    /// <exception cref="XapiFailure">It failed, or was cancelled there.</exception>
    public string? Result(CancellationToken cancellationToken)
    {
        var record = _session.Call("task.get_record", cancellationToken, Reference);
        return record.Text("status") switch
        {
            "pending" or "cancelling" => null,
            "success" => record.Text("result"),
            "cancelled" => throw new XapiFailure(["TASK_CANCELLED"]),
            _ => throw new XapiFailure([.. record.Items("error_info").OfType<XmlRpcText>().Select(item => item.Content)]),
        };
    }

    /// <summary>How far it is, 0 to 1.</summary>
    public double Progress(CancellationToken cancellationToken)
        => double.TryParse(_session.CallText("task.get_progress", cancellationToken, Reference), NumberStyles.Float, CultureInfo.InvariantCulture, out var progress) ? Math.Clamp(progress, 0, 1) : 0;

    /// <summary>Waits for the end.</summary>
    /// <exception cref="XapiFailure">It failed.</exception>
    public string Wait(CancellationToken cancellationToken)
    {
        for (; ; )
        {
            if (Result(cancellationToken) is { } result)
            {
                return result;
            }

            cancellationToken.WaitHandle.WaitOne(Pause);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Asks the host to stop it, and waits a while until it has.</summary>
    public void Cancel()
    {
        try
        {
            _session.Try("task.cancel", CancellationToken.None, Reference);
            for (var left = 60; left > 0 && Result(CancellationToken.None) is null; left--)
            {
                Thread.Sleep(Pause);
            }
        }
        catch (Exception e) when (e is XapiFailure or Model.DiagnosticException)
        {
            // It has ended, or cannot be stopped; the broken connection stops it then.
        }
    }

    /// <summary>References in a result: XML-RPC's array of values.</summary>
    public static ImmutableArray<string> References(string result, string host)
    {
        var value = XmlRpcReader.Read(System.Text.Encoding.UTF8.GetBytes(result.TrimStart().StartsWith("<value", StringComparison.Ordinal) ? result : $"<value>{result}</value>"), host);
        return value is XmlRpcArray list ? [.. list.Elements.Select(XapiSession.Text)] : [];
    }

    /// <summary>Tells the host to forget it.</summary>
    public void Dispose()
    {
        try
        {
            _session.Try("task.destroy", CancellationToken.None, Reference);
        }
        catch (Exception e) when (e is XapiFailure or Model.DiagnosticException)
        {
            // Tasks go with the session.
        }
    }
}
