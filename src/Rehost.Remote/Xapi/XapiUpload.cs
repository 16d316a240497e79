using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Rehost.Blocks;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>
/// Sends an XVA to a host over XAPI and proves what came of it. Checks come first: repository, room, networks, name. The session and its task are ended whatever happens; an
/// import that fails or is stopped leaves nothing on the host (xapi cleans up itself).
/// </summary>
public static class XapiUpload
{
    /// <summary>Uploads.</summary>
    /// <param name="request">Where to, and how.</param>
    /// <param name="file">The XVA.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="password">Password of the user.</param>
    /// <param name="progress">Told the bytes sent.</param>
    /// <param name="cancellationToken">Stops the import, also on the host.</param>
    /// <exception cref="DiagnosticException">XAP…, XVA…, XSO….</exception>
    public static UploadReport Run(UploadRequest request, IBlockDevice file, string name, ReadOnlySpan<byte> password, Action<long> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(file);
        var started = Stopwatch.GetTimestamp();
        using var archive = XvaArchive.Open(file, name, ownsFile: false, cancellationToken: cancellationToken);
        var export = OvaXml.Parse(archive.OvaXml, $"{name}/ova.xml");
        using var session = XapiSession.Open(request.Address, password, request.Trust, cancellationToken);
        var networks = XapiNetworks.Read(session, request.Networks, cancellationToken);
        var wanted = export.Machine.NetworkAdapters.Select(adapter => networks.Find(adapter.Network)).ToImmutableArray();
        var repository = XapiRepository.Find(session, request.Address.StorageRepository, export.Machine.Disks.Sum(disk => disk.LengthBytes), file.Length, cancellationToken);
        DemandAbsent(session, export.Machine, request.NewIdentity, cancellationToken);
        if (request.OnlyCheck)
        {
            return new UploadReport(export.Machine.Name, "", repository.Name, 0, Seconds(started), Planned(export.Machine, wanted, networks), [], export.Findings);
        }

        var machine = Import(session, request, repository, file, progress, cancellationToken);
        Connect(session, machine, wanted, cancellationToken);
        return Prove(session, machine, export, wanted, networks, repository, request.NewIdentity, file.Length, started, cancellationToken);
    }

    private static double Seconds(long started) => Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1);

    private static ImmutableArray<UploadedAdapter> Planned(VirtualMachine machine, ImmutableArray<string> wanted, XapiNetworks networks)
        => [.. machine.NetworkAdapters.Select((adapter, index) => new UploadedAdapter(index.ToString(CultureInfo.InvariantCulture), adapter.MacAddress ?? "", adapter.Network ?? "", networks.NameOf(wanted[index])))];

    private static void DemandAbsent(XapiSession session, VirtualMachine machine, bool newIdentity, CancellationToken cancellationToken)
    {
        foreach (var reference in session.CallList("VM.get_by_name_label", cancellationToken, machine.Name))
        {
            var record = session.Call("VM.get_record", cancellationToken, reference);
            if (!record.Flag("is_a_template") && !record.Flag("is_a_snapshot"))
            {
                throw XapiDiagnostics.AlreadyThere.ToException($"a machine '{machine.Name}' has the UUID {record.Text("uuid")}", session.Client.Host);
            }
        }

        if (newIdentity || machine.Uuid is not { } uuid)
        {
            return;
        }

        try
        {
            var found = session.Try("VM.get_by_uuid", cancellationToken, uuid.ToString());
            var record = session.Call("VM.get_record", cancellationToken, XapiSession.Text(found));
            throw XapiDiagnostics.AlreadyThere.ToException($"the UUID {uuid} is that of '{record.Text("name_label")}'", session.Client.Host);
        }
        catch (XapiFailure e) when (e.Code == "UUID_INVALID")
        {
            // As it should be.
        }
    }

    private static string Import(XapiSession session, UploadRequest request, XapiRepository repository, IBlockDevice file, Action<long> progress, CancellationToken cancellationToken)
    {
        using var task = XapiTask.Create(session, "Import by rehost", cancellationToken);
        XapiFailure? failure = null;
        var asked = Stopwatch.GetTimestamp();

        // Asked now and then while the data flows: a host that has given up need not be sent the rest.
        bool HasFailed()
        {
            if (failure is not null || Stopwatch.GetElapsedTime(asked) < TimeSpan.FromSeconds(2))
            {
                return failure is not null;
            }

            asked = Stopwatch.GetTimestamp();
            return Look(force: false);
        }

        bool Look(bool force)
        {
            try
            {
                return task.Result(cancellationToken) is not null && force;
            }
            catch (XapiFailure e)
            {
                failure = e;
                return true;
            }
        }

        try
        {
            // restore=true keeps UUIDs and MAC addresses: a migration is not a clone.
            var query = $"/import?session_id={Uri.EscapeDataString(session.Reference)}&task_id={Uri.EscapeDataString(task.Reference)}&sr_id={Uri.EscapeDataString(repository.Reference)}{(request.NewIdentity ? "" : "&restore=true")}";
            try
            {
                new XapiPut(session.Client).Send(query, file, progress, HasFailed, cancellationToken);
            }
            catch (DiagnosticException) when (Look(force: false))
            {
                // The task says why.
            }

            var result = failure is null ? task.Wait(cancellationToken) : throw failure;
            return XapiTask.References(result, session.Client.Host) is [var machine, ..] ? machine
                : throw XapiDiagnostics.ImportFailed.ToException("the import ended well, and no machine came of it", session.Client.Host);
        }
        catch (XapiFailure e)
        {
            throw XapiDiagnostics.ImportFailed.ToException(Reason(e), session.Client.Host, e);
        }
        catch (OperationCanceledException)
        {
            task.Cancel();
            throw;
        }
    }

    private static string Reason(XapiFailure failure) => failure.Code switch
    {
        "IMPORT_INCOMPATIBLE_VERSION" => $"{failure.Message}: the XVA claims to be of a newer release than the host's; convert for the host's release (--xenserver-version)",
        "SR_FULL" or "SR_BACKEND_FAILURE_44" => $"{failure.Message}: the repository is full",
        "TASK_CANCELLED" => $"{failure.Message}: somebody stopped it on the host",
        _ => failure.Message,
    };

    // The importer attaches adapters by its own rules; where it took another network than was chosen, they are moved.
    private static void Connect(XapiSession session, string machine, ImmutableArray<string> wanted, CancellationToken cancellationToken)
    {
        foreach (var (adapter, record, index) in Adapters(session, machine, cancellationToken))
        {
            if (index >= wanted.Length || record.Text("network") == wanted[index])
            {
                continue;
            }

            try
            {
                session.Try("VIF.move", cancellationToken, adapter, wanted[index]);
            }
            catch (XapiFailure e) when (e.Code is "MESSAGE_METHOD_UNKNOWN" or "MESSAGE_REMOVED")
            {
                // Before XenServer 7.1: made anew.
                Replace(session, adapter, record, wanted[index], cancellationToken);
            }
        }
    }

    private static void Replace(XapiSession session, string adapter, XmlRpcValue record, string network, CancellationToken cancellationToken)
    {
        session.Call("VIF.destroy", cancellationToken, adapter);
        var fields = ImmutableDictionary<string, XmlRpcValue>.Empty.Add("network", new XmlRpcText(network));
        foreach (var field in (ReadOnlySpan<string>)["device", "VM", "MAC", "MTU", "other_config", "qos_algorithm_type", "qos_algorithm_params"])
        {
            fields = fields.Add(field, record[field] ?? new XmlRpcText(""));
        }

        session.Call("VIF.create", cancellationToken, new XmlRpcStruct(fields));
    }

    private static (string Reference, XmlRpcValue Record, int Index)[] Adapters(XapiSession session, string machine, CancellationToken cancellationToken)
        => session.CallList("VM.get_VIFs", cancellationToken, machine)
            .Select(reference => (Reference: reference, Record: session.Call("VIF.get_record", cancellationToken, reference)))
            .OrderBy(item => int.TryParse(item.Record.Text("device"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : int.MaxValue)
            .Select((item, index) => (item.Reference, item.Record, Index: index))
            .ToArray();

    private static UploadReport Prove(
        XapiSession session, string machine, XenServerExport export, ImmutableArray<string> wanted, XapiNetworks networks, XapiRepository repository, bool newIdentity, long bytes, long started, CancellationToken cancellationToken)
    {
        var record = session.Call("VM.get_record", cancellationToken, machine);
        var host = session.Client.Host;
        var disks = DisksOf(session, record, cancellationToken);
        var expected = export.Machine.Disks.Select(disk => disk.LengthBytes).Order().ToArray();
        if (!disks.Select(disk => disk.LengthBytes).Order().SequenceEqual(expected))
        {
            throw XapiDiagnostics.ImportDiffers.ToException($"its disks have {string.Join(", ", disks.Select(disk => disk.LengthBytes))} bytes, sent were {string.Join(", ", expected)}", host);
        }

        if (record.Text("power_state") != "Halted")
        {
            throw XapiDiagnostics.ImportDiffers.ToException($"it is {record.Text("power_state")}, not halted", host);
        }

        var adapters = Adapters(session, machine, cancellationToken).ToImmutableArray();
        if (adapters.Length != wanted.Length)
        {
            throw XapiDiagnostics.ImportDiffers.ToException($"it has {adapters.Length} network adapters, sent were {wanted.Length}", host);
        }

        foreach (var (_, adapter, index) in adapters)
        {
            var mac = export.Machine.NetworkAdapters[index].MacAddress;
            if (adapter.Text("network") != wanted[index] || (!newIdentity && mac is not null && !string.Equals(adapter.Text("MAC"), mac, StringComparison.OrdinalIgnoreCase)))
            {
                throw XapiDiagnostics.ImportDiffers.ToException(
                    $"adapter {adapter.Text("device")} has {adapter.Text("MAC")} on '{networks.NameOf(adapter.Text("network"))}', wanted were {mac} on '{networks.NameOf(wanted[index])}'", host);
            }
        }

        ImmutableArray<Diagnostic> findings = [.. export.Findings];
        return new UploadReport(record.Text("name_label"), record.Text("uuid"), repository.Name, bytes, Seconds(started),
            [.. adapters.Select(item => new UploadedAdapter(item.Record.Text("device"), item.Record.Text("MAC"), export.Machine.NetworkAdapters[item.Index].Network ?? "", networks.NameOf(item.Record.Text("network"))))],
            disks, adapters.IsEmpty || newIdentity ? findings : findings.Add(XapiDiagnostics.NotDisconnected.Create($"'{record.Text("name_label")}' keeps its MAC addresses", host)));
    }

    private static ImmutableArray<UploadedDisk> DisksOf(XapiSession session, XmlRpcValue machine, CancellationToken cancellationToken)
    {
        var disks = ImmutableArray.CreateBuilder<UploadedDisk>();
        foreach (var device in machine.Items("VBDs"))
        {
            var record = session.Call("VBD.get_record", cancellationToken, XapiSession.Text(device));
            if (record.Text("type") != "CD" && XapiSession.IsReference(record.Text("VDI")))
            {
                var disk = session.Call("VDI.get_record", cancellationToken, record.Text("VDI"));
                disks.Add(new UploadedDisk(disk.Text("name_label"), disk.Text("uuid"), long.TryParse(disk.Text("virtual_size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : -1));
            }
        }

        return disks.ToImmutable();
    }
}
