using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>A machine, or just a host, of XenServer or XCP-ng: <c>xenserver://root@host:443/web01?sr=fast</c>. It never holds a password.</summary>
/// <param name="Host">Name or address of the pool's master, or of any member.</param>
/// <param name="Port">Port of HTTPS.</param>
/// <param name="User">User name; root unless given.</param>
/// <param name="Machine">Name label or UUID of a machine; empty for none.</param>
/// <param name="StorageRepository">Name label or UUID of the storage repository; null for the pool's default.</param>
public sealed record XapiAddress(string Host, int Port, string User, string Machine, string? StorageRepository)
{
    /// <summary>How these addresses begin.</summary>
    public const string Scheme = "xenserver://";

    /// <summary>Whether a text is one.</summary>
    public static bool IsAddress(string text) => text?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ?? false;

    /// <summary>Parses an address.</summary>
    /// <exception cref="DiagnosticException">It is none, or holds a password (XAP001).</exception>
    public static XapiAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!IsAddress(text) || !Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.Fragment.Length > 0)
        {
            throw XapiDiagnostics.BadAddress.ToException("an address is xenserver://[USER@]HOST[:PORT]/[MACHINE][?sr=NAME]", WithoutPassword(text));
        }

        if (uri.UserInfo.Contains(':', StringComparison.Ordinal))
        {
            throw XapiDiagnostics.BadAddress.ToException("an address holds no password: every user of this computer could read it", WithoutPassword(text));
        }

        string? repository = null;
        foreach (var part in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = part.IndexOf('=', StringComparison.Ordinal) is var at and > 0 ? (part[..at], Uri.UnescapeDataString(part[(at + 1)..])) : (part, "");
            repository = key == "sr" && value.Length > 0 ? value : throw XapiDiagnostics.BadAddress.ToException($"'{key}' is no part of an address; sr=NAME is", text);
        }

        var user = uri.UserInfo.Length > 0 ? Uri.UnescapeDataString(uri.UserInfo) : "root";
        return new XapiAddress(uri.IdnHost, uri.Port > 0 ? uri.Port : 443, user, Uri.UnescapeDataString(uri.AbsolutePath.Trim('/')), repository);
    }

    /// <summary>Host and port, as they are written.</summary>
    public override string ToString() => $"{Scheme}{User}@{Host}:{Port}/{Uri.EscapeDataString(Machine)}";

    private static string WithoutPassword(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var colon = at < 0 ? -1 : text.IndexOf(':', Math.Min(at, Scheme.Length));
        return colon >= 0 && colon < at ? $"{text[..colon]}{text[at..]}" : text;
    }
}
