using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>
/// A machine's export as a stream over XAPI (importexport.md: GET /export). A machine that runs is exported through a snapshot, which is removed afterwards. The answer begins
/// before the host knows whether it can go on: the task says how it ended, and <see cref="Finish"/> asks it.
/// </summary>
public sealed class XapiExport : IDisposable
{
    private readonly XapiSession _session;
    private readonly XapiTask _task;
    private readonly string? _snapshot;

    private XapiExport(XapiSession session, XapiTask task, HttpResponseMessage response, string machine, string? snapshot, CancellationToken cancellationToken)
    {
        (_session, _task, Machine, _snapshot) = (session, task, machine, snapshot);
        Content = new XapiStream(response, session.Client.Host, cancellationToken);
    }

    /// <summary>Name label of the machine.</summary>
    public string Machine { get; }

    /// <summary>Whether it was running, and a snapshot was exported.</summary>
    public bool IsOfSnapshot => _snapshot is not null;

    /// <summary>The XVA.</summary>
    public Stream Content { get; }

    /// <summary>What the operator should know after it is disposed.</summary>
    public ImmutableArray<Diagnostic> Findings { get; private set; } = [];

    /// <summary>Begins an export.</summary>
    /// <param name="address">Host and machine.</param>
    /// <param name="password">Password of the user.</param>
    /// <param name="trust">Whose certificate is believed.</param>
    /// <param name="compression">What the host compresses with on the way: null, gzip or zstd.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="DiagnosticException">XAP….</exception>
    public static XapiExport Begin(XapiAddress address, ReadOnlySpan<byte> password, XapiTrust trust, string? compression, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(trust);
        if (address.Machine.Length == 0)
        {
            throw XapiDiagnostics.BadAddress.ToException("the address names no machine", address.ToString());
        }

        var session = XapiSession.Open(address, password, trust, cancellationToken);
        XapiTask? task = null;
        string? snapshot = null;
        try
        {
            var machine = Find(session, address.Machine, cancellationToken);
            var record = session.Call("VM.get_record", cancellationToken, machine);
            snapshot = record.Text("power_state") switch
            {
                "Halted" => null,
                "Running" or "Paused" => session.CallText("VM.snapshot", cancellationToken, machine, "made by rehost for an export"),
                var other => throw XapiDiagnostics.NotExportable.ToException($"'{record.Text("name_label")}' is {other}", session.Client.Host),
            };
            task = XapiTask.Create(session, "Export by rehost", cancellationToken);
            var response = session.Client.Get(
                $"/export?session_id={Uri.EscapeDataString(session.Reference)}&task_id={Uri.EscapeDataString(task.Reference)}&ref={Uri.EscapeDataString(snapshot ?? machine)}{(compression is null ? "" : $"&use_compression={compression}")}",
                cancellationToken);
            return new XapiExport(session, task, response, record.Text("name_label"), snapshot, cancellationToken);
        }
        catch
        {
            task?.Dispose();
            Remove(session, snapshot);
            session.Dispose();
            throw;
        }
    }

    /// <summary>Asks how the export ended, after its content was read to the end.</summary>
    /// <exception cref="DiagnosticException">It failed (XAP015).</exception>
    public void Finish(CancellationToken cancellationToken)
    {
        try
        {
            _task.Wait(cancellationToken);
        }
        catch (XapiFailure e)
        {
            throw XapiDiagnostics.ExportFailed.ToException(e.Message, _session.Client.Host, e);
        }
    }

    /// <summary>
    /// What the host says of an export whose content was not in order: a host that fails just stops sending, and the reason is in the task, which may need a moment to know it.
    /// </summary>
    /// <returns>The reason (XAP015); null where the host knows of none.</returns>
    public DiagnosticException? WhyBroken(CancellationToken cancellationToken)
    {
        try
        {
            for (var left = 6; left > 0 && _task.Result(cancellationToken) is null; left--)
            {
                cancellationToken.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(500));
                cancellationToken.ThrowIfCancellationRequested();
            }

            return null;
        }
        catch (XapiFailure e)
        {
            return XapiDiagnostics.ExportFailed.ToException(e.Message, _session.Client.Host, e);
        }
        catch (DiagnosticException)
        {
            return null; // It is not to be reached at all; what broke first says more.
        }
    }

    /// <summary>Ends the connection; an export that is not finished is stopped on the host, and the snapshot is removed.</summary>
    public void Dispose()
    {
        Content.Dispose();
        try
        {
            if (_task.Result(CancellationToken.None) is null)
            {
                _task.Cancel();
            }
        }
        catch (Exception e) when (e is XapiFailure or DiagnosticException)
        {
            // It has ended.
        }

        _task.Dispose();
        if (!Remove(_session, _snapshot))
        {
            Findings = [XapiDiagnostics.SnapshotLeft.Create($"a snapshot of '{Machine}' called 'made by rehost for an export'", _session.Client.Host)];
        }

        _session.Dispose();
    }

    private static string Find(XapiSession session, string wanted, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(wanted, out var uuid))
        {
            try
            {
                return XapiSession.Text(session.Try("VM.get_by_uuid", cancellationToken, uuid.ToString()));
            }
            catch (XapiFailure e) when (e.Code == "UUID_INVALID")
            {
                throw XapiDiagnostics.MachineNotFound.ToException($"none has the UUID {uuid}", session.Client.Host, e);
            }
        }

        var found = session.CallList("VM.get_by_name_label", cancellationToken, wanted)
            .Select(reference => (Reference: reference, Record: session.Call("VM.get_record", cancellationToken, reference)))
            .Where(item => !item.Record.Flag("is_a_template") && !item.Record.Flag("is_a_snapshot") && !item.Record.Flag("is_control_domain"))
            .ToImmutableArray();
        return found.Length == 1 ? found[0].Reference
            : throw XapiDiagnostics.MachineNotFound.ToException(found.IsEmpty ? $"none is called '{wanted}'" : $"{found.Length} are called '{wanted}': {string.Join(", ", found.Select(item => item.Record.Text("uuid")))}", session.Client.Host);
    }

    // A snapshot's disks are its own, and stay when only the snapshot is destroyed.
    private static bool Remove(XapiSession session, string? snapshot)
    {
        if (snapshot is null)
        {
            return true;
        }

        try
        {
            var disks = session.CallList("VM.get_VBDs", CancellationToken.None, snapshot)
                .Select(device => session.Call("VBD.get_record", CancellationToken.None, device))
                .Where(record => record.Text("type") != "CD" && XapiSession.IsReference(record.Text("VDI")))
                .Select(record => record.Text("VDI"))
                .ToImmutableArray();
            session.Call("VM.destroy", CancellationToken.None, snapshot);
            foreach (var disk in disks)
            {
                session.Call("VDI.destroy", CancellationToken.None, disk);
            }

            return true;
        }
        catch (DiagnosticException)
        {
            return false;
        }
    }
}
