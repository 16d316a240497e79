namespace Rehost.Pipeline.Plans;

/// <summary>Guest files of which a plan says nothing but that they are there: not their content, not its hash.</summary>
internal static class PlanSecrets
{
    private static readonly string[] Names = ["shadow", "shadow-", "gshadow", "gshadow-", "opasswd", "sam", "security", "krb5.keytab", "secring.gpg"];
    private static readonly string[] Endings = ["_key", ".key", ".pem", ".p12", ".pfx", ".keytab", ".psk"];
    private static readonly string[] Directories = ["/etc/ssl/private/", "/etc/pki/tls/private/", "/etc/ipsec.d/private/", "/root/.ssh/", "/root/.gnupg/"];

    /// <summary>Whether a path is that of passwords or keys.</summary>
    public static bool Holds(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        return (Names.Contains(name, StringComparer.OrdinalIgnoreCase) && (path.StartsWith("/etc/", StringComparison.Ordinal) || path.Contains("/config/", StringComparison.OrdinalIgnoreCase)))
            || Endings.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase)) || Directories.Any(directory => path.StartsWith(directory, StringComparison.Ordinal));
    }
}
