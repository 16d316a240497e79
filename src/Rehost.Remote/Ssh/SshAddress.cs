using Rehost.Model;

namespace Rehost.Remote.Ssh;

/// <summary>A machine on a plain Xen host: <c>xen+ssh://root@host:22/web01</c>.</summary>
/// <param name="Host">Host, as ssh knows it.</param>
/// <param name="Port">Port; null for what ssh's own configuration says.</param>
/// <param name="User">User; null likewise.</param>
/// <param name="Machine">Name of the machine, or the absolute path of its configuration.</param>
public sealed record SshAddress(string Host, int? Port, string? User, string Machine)
{
    /// <summary>How these addresses begin.</summary>
    public const string Scheme = "xen+ssh://";

    /// <summary>Whether a text is one.</summary>
    public static bool IsAddress(string text) => text?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ?? false;

    /// <summary>Parses an address.</summary>
    /// <exception cref="DiagnosticException">It is none (SSH001).</exception>
    public static SshAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!IsAddress(text) || !Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.Host.StartsWith('-') || uri.Query.Length > 0 || uri.Fragment.Length > 0
            || uri.UserInfo.Contains(':', StringComparison.Ordinal) || uri.UserInfo.StartsWith('-') || uri.AbsolutePath.Trim('/').Length == 0)
        {
            throw SshDiagnostics.BadAddress.ToException("an address is xen+ssh://[USER@]HOST[:PORT]/MACHINE, without a password", IsAddress(text ?? "") ? null : text);
        }

        var path = Uri.UnescapeDataString(uri.AbsolutePath);
        return new SshAddress(uri.IdnHost, uri.Port > 0 ? uri.Port : null, uri.UserInfo.Length > 0 ? Uri.UnescapeDataString(uri.UserInfo) : null, path.Trim('/').Contains('/', StringComparison.Ordinal) ? path : path.Trim('/'));
    }

    /// <summary>The files in which xl and xm keep the configuration, in the order they are looked for.</summary>
    public IEnumerable<string> ConfigurationPaths => Machine.StartsWith('/') ? [Machine] : [$"/etc/xen/{Machine}.cfg", $"/etc/xen/{Machine}", $"/etc/xen/auto/{Machine}.cfg", $"/etc/xen/auto/{Machine}", $"/etc/xen/vm/{Machine}"];

    /// <summary>User and host, for messages.</summary>
    public override string ToString() => $"{Scheme}{(User is null ? "" : User + "@")}{Host}";
}
