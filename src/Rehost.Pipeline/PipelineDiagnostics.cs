using Rehost.Model;

namespace Rehost.Pipeline;

/// <summary>Findings of the pipeline: of the request itself, of source and target as a whole.</summary>
public static class PipelineDiagnostics
{
    /// <summary>A source that nothing recognises.</summary>
    public static readonly DiagnosticDescriptor UnknownSource = new("PIP001", Severity.Error, FaultKind.Source,
        "The source is of no known kind", "Give an XVA, an OVA or OVF, a .vmx, an xl or xm configuration, or a disk image; --source-kind says which it is when the guess is wrong.");

    /// <summary>The target exists.</summary>
    public static readonly DiagnosticDescriptor TargetExists = new("PIP002", Severity.Error, FaultKind.Target,
        "A file of the target exists already", "Choose another --output or --name, or remove the file; Rehost overwrites nothing.");

    /// <summary>The target's directory cannot be used.</summary>
    public static readonly DiagnosticDescriptor TargetUnusable = new("PIP003", Severity.Error, FaultKind.Target,
        "The output directory cannot be used", "Check that it exists or can be made, and that you may write to it.");

    /// <summary>Too little room.</summary>
    public static readonly DiagnosticDescriptor NoRoom = new("PIP004", Severity.Error, FaultKind.Target,
        "The output directory has too little room", "Free some space, choose another --output, or use --disk-format qcow2 with --compress zstd.");

    /// <summary>The plan forbids conversion.</summary>
    public static readonly DiagnosticDescriptor PlanRefused = new("PIP005", Severity.Error, FaultKind.Guest,
        "The guest cannot be converted as it is", "Mend what the findings name; each says how. Nothing was written.");

    /// <summary>A target that is not supported.</summary>
    public static readonly DiagnosticDescriptor UnknownTarget = new("PIP006", Severity.Error, FaultKind.Usage,
        "The target is of no known kind", "Use --to kvm; other targets are not written yet.");

    /// <summary>The source changed while it was read.</summary>
    public static readonly DiagnosticDescriptor SourceChanged = new("PIP007", Severity.Error, FaultKind.Source,
        "The source changed while it was being read", "Shut the guest down, or export it again, and convert once nothing writes to it.");

    /// <summary>A conversion's record is missing or damaged.</summary>
    public static readonly DiagnosticDescriptor NoRecord = new("PIP008", Severity.Error, FaultKind.Usage,
        "The conversion's record is missing or damaged", "Point rehost verify at the directory or the .xml that rehost convert wrote; report.json must lie beside it.");

    /// <summary>Verification found a difference.</summary>
    public static readonly DiagnosticDescriptor Difference = new("PIP009", Severity.Error, FaultKind.Proof,
        "The target is not what was written", "Convert again; if it happens twice, look for a failing disk (dmesg, SMART) before trusting either copy.");

    /// <summary>An option that is not known.</summary>
    public static readonly DiagnosticDescriptor BadOption = new("PIP010", Severity.Error, FaultKind.Usage,
        "An option has a value that is not known", "See --help of the verb for the values.");

    /// <summary>The operating system refused something that no other finding covers.</summary>
    public static readonly DiagnosticDescriptor HostFault = new("PIP011", Severity.Error, FaultKind.Environment,
        "The operating system refused an operation", "The message is the operating system's own; check permissions and the disk.");

    /// <summary>A fault of ours.</summary>
    public static readonly DiagnosticDescriptor OwnFault = new("PIP019", Severity.Error, FaultKind.Environment,
        "Rehost itself failed", "This is a fault of Rehost: please report it with the lines below. The source is as it was, and nothing that looks finished was left behind.");

    /// <summary>A block device as target without consent.</summary>
    public static readonly DiagnosticDescriptor OverwriteNotAllowed = new("PIP012", Severity.Error, FaultKind.Usage,
        "The target is a block device", "Make sure that nothing on it is needed any more, then say so with --overwrite-device.");

    /// <summary>Nothing to go on with.</summary>
    public static readonly DiagnosticDescriptor BeganAgain = new("PIP013", Severity.Warning, FaultKind.Usage,
        "A conversion began again", "Nothing is to be done; --resume goes on where the same command with the same, unchanged source was stopped.");

    /// <summary>Sectors of the source that could not be read.</summary>
    public static readonly DiagnosticDescriptor BadSectors = new("PIP020", Severity.Warning, FaultKind.Source,
        "Sectors of the source could not be read", "They are zeros in the target. Restore the files that they belong to from a backup; run the file system's check where they belong to no file.");
}
