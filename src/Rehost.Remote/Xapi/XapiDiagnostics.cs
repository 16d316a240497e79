using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>Findings about talking to XenServer and XCP-ng hosts.</summary>
public static class XapiDiagnostics
{
    /// <summary>Not an address.</summary>
    public static readonly DiagnosticDescriptor BadAddress = new("XAP001", Severity.Error, FaultKind.Usage,
        "An address of a XenServer cannot be used", "Give it as xenserver://root@host/machine?sr=name, without a password: that is asked for, or read from --password-file.");

    /// <summary>No connection, or it broke.</summary>
    public static readonly DiagnosticDescriptor NoConnection = new("XAP002", Severity.Error, FaultKind.Environment,
        "A XenServer host cannot be reached", "Check name and port of the host and the network between; what was sent before the connection broke is discarded by the host.");

    /// <summary>The certificate is not trusted.</summary>
    public static readonly DiagnosticDescriptor NotTrusted = new("XAP003", Severity.Error, FaultKind.Environment,
        "The certificate of a XenServer host is not trusted",
        "Compare the fingerprint with the host's own (on its console: openssl x509 -noout -fingerprint -sha256 -in /etc/xensource/xapi-ssl.pem) and give it with --tls-fingerprint, or the authority that signed it with --tls-ca.");

    /// <summary>Login refused.</summary>
    public static readonly DiagnosticDescriptor LoginFailed = new("XAP004", Severity.Error, FaultKind.Environment,
        "A XenServer host refused the login", "Check user and password; for a directory user, that the role allows to import and export machines (vm-admin or higher).");

    /// <summary>A call failed.</summary>
    public static readonly DiagnosticDescriptor CallFailed = new("XAP005", Severity.Error, FaultKind.Environment,
        "A XenServer host refused a request", "The words in capitals are the host's own: `xe help` and the host's log (/var/log/xensource.log) explain them.");

    /// <summary>What the host says makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadAnswer = new("XAP006", Severity.Error, FaultKind.Environment,
        "A XenServer host gives an answer that makes no sense", "Check that host and port are those of XenServer or XCP-ng and that no proxy stands between.");

    /// <summary>No such machine, or several.</summary>
    public static readonly DiagnosticDescriptor MachineNotFound = new("XAP007", Severity.Error, FaultKind.Source,
        "The machine is not found on the host", "Give a name that one machine has, or its UUID (xe vm-list).");

    /// <summary>The machine cannot be exported as it is.</summary>
    public static readonly DiagnosticDescriptor NotExportable = new("XAP008", Severity.Error, FaultKind.Source,
        "The machine cannot be exported in its state", "Resume a suspended machine and shut it down, or resume it and export it while it runs: a snapshot is made for that.");

    /// <summary>No storage repository to import into (S0.26).</summary>
    public static readonly DiagnosticDescriptor NoRepository = new("XAP009", Severity.Error, FaultKind.Target,
        "There is no storage repository to import into", "Set the pool's default (xe pool-param-set uuid=… default-SR=…), or name one in the address: ?sr=NAME.");

    /// <summary>The repository is too small.</summary>
    public static readonly DiagnosticDescriptor RepositoryFull = new("XAP010", Severity.Error, FaultKind.Target,
        "The storage repository has too little room", "Make room, or name another repository in the address: ?sr=NAME.");

    /// <summary>A network of the machine is not on the host.</summary>
    public static readonly DiagnosticDescriptor NoNetwork = new("XAP011", Severity.Error, FaultKind.Target,
        "A network of the machine is not on the host", "Say which of the host's networks stands for it: --network 'OLD=NEW', by name label or UUID.");

    /// <summary>The machine is there already.</summary>
    public static readonly DiagnosticDescriptor AlreadyThere = new("XAP012", Severity.Error, FaultKind.Target,
        "The machine is on the host already", "Remove or rename the machine there, or upload this one as a new machine with --new-identity.");

    /// <summary>The import failed.</summary>
    public static readonly DiagnosticDescriptor ImportFailed = new("XAP013", Severity.Error, FaultKind.Target,
        "The import failed", "Nothing of the machine is left on the host. The words in capitals are the host's own; its log (/var/log/xensource.log) says more.");

    /// <summary>What was imported is not what was sent.</summary>
    public static readonly DiagnosticDescriptor ImportDiffers = new("XAP014", Severity.Error, FaultKind.Proof,
        "The imported machine is not what was sent", "Do not start it. Remove it on the host, check the host's log (/var/log/xensource.log), and upload again.");

    /// <summary>The export failed.</summary>
    public static readonly DiagnosticDescriptor ExportFailed = new("XAP015", Severity.Error, FaultKind.Source,
        "The export failed", "The words in capitals are the host's own; what was received is removed. Check the host's log (/var/log/xensource.log) and try again.");

    /// <summary>A snapshot of ours could not be removed.</summary>
    public static readonly DiagnosticDescriptor SnapshotLeft = new("XAP016", Severity.Warning, FaultKind.Environment,
        "The snapshot that was made for the export is still on the host", "Remove it there: xe snapshot-uninstall snapshot-uuid=….");

    /// <summary>The guest's network was changed.</summary>
    public static readonly DiagnosticDescriptor NotDisconnected = new("XAP017", Severity.Information, FaultKind.Environment,
        "The machine is on the network with its old addresses", "Shut the old machine down before the new one is started: both have the same addresses (S0.36).");

    /// <summary>The target cannot be made of what landed.</summary>
    public static readonly DiagnosticDescriptor Kept = new("XAP018", Severity.Information, FaultKind.Environment,
        "The machine's disks are kept in files while they are read", "Nothing to do. Targets with raw or uncompressed qcow2 disks, each a file of its own, are made of the export where it lands and need no second room.");
}
