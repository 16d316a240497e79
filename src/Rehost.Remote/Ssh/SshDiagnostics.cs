using Rehost.Model;

namespace Rehost.Remote.Ssh;

/// <summary>Findings about reading a machine over ssh.</summary>
public static class SshDiagnostics
{
    /// <summary>Not an address.</summary>
    public static readonly DiagnosticDescriptor BadAddress = new("SSH001", Severity.Error, FaultKind.Usage,
        "An address of a Xen host cannot be used", "Give it as xen+ssh://root@host/web01, or with the path of the configuration: xen+ssh://root@host/etc/xen/web01.cfg.");

    /// <summary>ssh does not start or does not get through.</summary>
    public static readonly DiagnosticDescriptor NoConnection = new("SSH002", Severity.Error, FaultKind.Environment,
        "The Xen host cannot be reached by ssh", "Try `ssh` to that host by hand: known host key, user and key or agent are the system's ssh's affair.");

    /// <summary>A command failed there.</summary>
    public static readonly DiagnosticDescriptor CommandFailed = new("SSH003", Severity.Error, FaultKind.Source,
        "A file on the Xen host cannot be read", "Check that it exists there and that the user of the address may read it; disks need root.");

    /// <summary>A disk of a kind that is only read locally.</summary>
    public static readonly DiagnosticDescriptor BadPath = new("SSH004", Severity.Error, FaultKind.Source,
        "A path on the Xen host cannot be used", "Paths with control characters are not passed to a shell: rename the file, or copy it to this computer.");
}
