using Rehost.Model;

namespace Rehost.Archives.Tar;

/// <summary>Findings about tar archives, the envelope of XVA, OVA and of deb's parts.</summary>
public static class TarDiagnostics
{
    private const string ExportAgain = "The archive is damaged: copy or fetch it again and compare checksums, or export it again.";

    /// <summary>A member header is no tar header.</summary>
    public static readonly DiagnosticDescriptor BadHeader = new("TAR001", Severity.Error, FaultKind.Source,
        "A tar header is damaged", ExportAgain);

    /// <summary>The file ends inside a member or before the end mark.</summary>
    public static readonly DiagnosticDescriptor Truncated = new("TAR002", Severity.Error, FaultKind.Source,
        "The archive ends too early", "The copy is not complete: copy it again, or export it again with enough free space.");

    /// <summary>A member name leads out of the archive.</summary>
    public static readonly DiagnosticDescriptor UnsafeName = new("TAR003", Severity.Error, FaultKind.Source,
        "A member name leads out of the archive", "No hypervisor writes such a name: do not trust this file.");

    /// <summary>A member is a link, a device or something else that holds no data of its own.</summary>
    public static readonly DiagnosticDescriptor UnsupportedMember = new("TAR004", Severity.Error, FaultKind.Source,
        "A member is not a plain file", "Exports hold plain files only: export the machine again instead of repacking it.");

    /// <summary>A number in a header cannot be right.</summary>
    public static readonly DiagnosticDescriptor BadNumber = new("TAR005", Severity.Error, FaultKind.Source,
        "A number in a tar header cannot be right", ExportAgain);

    /// <summary>An extended header (pax, GNU long name) cannot be read.</summary>
    public static readonly DiagnosticDescriptor BadExtendedHeader = new("TAR006", Severity.Error, FaultKind.Source,
        "An extended tar header cannot be read", ExportAgain);

    /// <summary>Something follows the end mark.</summary>
    public static readonly DiagnosticDescriptor TrailingData = new("TAR007", Severity.Error, FaultKind.Source,
        "Data follows the end of the archive", "Two files were joined or a download was resumed wrongly: copy the archive again.");

    /// <summary>A member of this name exists already.</summary>
    public static readonly DiagnosticDescriptor DuplicateName = new("TAR008", Severity.Error, FaultKind.Source,
        "Two members have one name", "Programs disagree which of the two counts, so neither is used: export the machine again.");

    /// <summary>More members than any package has.</summary>
    public static readonly DiagnosticDescriptor TooManyMembers = new("TAR009", Severity.Error, FaultKind.Source,
        "The archive has too many members", "A package of a machine holds some descriptions and some disks: check that this is the file that was exported.");

    /// <summary>A name that a header cannot hold.</summary>
    public static readonly DiagnosticDescriptor NameTooLong = new("TAR010", Severity.Error, FaultKind.Target,
        "A name is too long for the archive", "Give the machine a shorter name with --name.");
}
