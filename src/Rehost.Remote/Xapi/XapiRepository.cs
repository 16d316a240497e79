using System.Collections.Immutable;
using System.Globalization;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>The storage repository that takes an import.</summary>
/// <param name="Reference">Its reference.</param>
/// <param name="Name">Its name label.</param>
internal sealed record XapiRepository(string Reference, string Name)
{
    // Volumes of these are allocated whole when they are made: they take the size of the disk, whatever is in it.
    private static readonly ImmutableArray<string> Thick = ["lvm", "lvmoiscsi", "lvmohba", "lvmofcoe"];

    /// <summary>Finds the repository and its room before anything is sent: an import without one fails with words that nobody understands (S0.26).</summary>
    /// <param name="session">The host.</param>
    /// <param name="named">Name label or UUID; null for the pool's default.</param>
    /// <param name="diskBytes">Sizes of the disks, added up.</param>
    /// <param name="storedBytes">Bytes that the disks hold.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="DiagnosticException">XAP005, XAP009 or XAP010.</exception>
    public static XapiRepository Find(XapiSession session, string? named, long diskBytes, long storedBytes, CancellationToken cancellationToken)
    {
        var reference = named is null ? DefaultOf(session, cancellationToken) : Named(session, named, cancellationToken);
        var record = Record(session, reference, cancellationToken)
            ?? throw XapiDiagnostics.NoRepository.ToException("the pool's default repository is one that is no longer there", session.Client.Host);
        var name = record.Text("name_label");
        if (record.Text("content_type") == "iso")
        {
            throw XapiDiagnostics.NoRepository.ToException($"'{name}' is a library of ISO images, which takes no disks", session.Client.Host);
        }

        if (!record.Items("PBDs").Any(device => session.Call("PBD.get_currently_attached", cancellationToken, XapiSession.Text(device)) is XmlRpcText { Content: "1" or "true" }))
        {
            throw XapiDiagnostics.NoRepository.ToException($"'{name}' is attached to no host", session.Client.Host);
        }

        var type = record.Text("type");
        var needed = Thick.Contains(type) ? diskBytes : storedBytes;
        if (long.TryParse(record.Text("physical_size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 0
            && long.TryParse(record.Text("physical_utilisation"), NumberStyles.None, CultureInfo.InvariantCulture, out var used) && size - used < needed)
        {
            throw XapiDiagnostics.RepositoryFull.ToException(
                $"'{name}' ({type}) has {Math.Max(0, size - used) >> 20} MiB left, {needed >> 20} MiB are needed{(Thick.Contains(type) ? ": it takes disks at their full size" : "")}", session.Client.Host);
        }

        return new XapiRepository(reference, name);
    }

    private static string DefaultOf(XapiSession session, CancellationToken cancellationToken)
    {
        var pools = session.CallList("pool.get_all", cancellationToken);
        var reference = pools is [var pool, ..] ? session.CallText("pool.get_default_SR", cancellationToken, pool) : "";
        return XapiSession.IsReference(reference) ? reference : throw XapiDiagnostics.NoRepository.ToException("the pool has no default repository", session.Client.Host);
    }

    private static string Named(XapiSession session, string named, CancellationToken cancellationToken)
    {
        var found = Guid.TryParse(named, out _) ? ByUuid(session, named, cancellationToken) : session.CallList("SR.get_by_name_label", cancellationToken, named);
        return found.Length == 1 ? found[0]
            : throw XapiDiagnostics.NoRepository.ToException(found.IsEmpty ? $"none is called '{named}'" : $"{found.Length} are called '{named}': give the UUID", session.Client.Host);
    }

    private static ImmutableArray<string> ByUuid(XapiSession session, string uuid, CancellationToken cancellationToken)
    {
        try
        {
            return [XapiSession.Text(session.Try("SR.get_by_uuid", cancellationToken, uuid))];
        }
        catch (XapiFailure e) when (e.Code == "UUID_INVALID")
        {
            return [];
        }
    }

    // The pool's default may be the reference of a repository that was forgotten long ago.
    private static XmlRpcValue? Record(XapiSession session, string reference, CancellationToken cancellationToken)
    {
        try
        {
            return session.Try("SR.get_record", cancellationToken, reference);
        }
        catch (XapiFailure e) when (e.Code == "HANDLE_INVALID")
        {
            return null;
        }
    }
}
