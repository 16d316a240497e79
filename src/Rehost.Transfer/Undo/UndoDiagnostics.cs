using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>Findings of plans that are applied in place, and of taking them back.</summary>
public static class UndoDiagnostics
{
    /// <summary>A journal that is damaged.</summary>
    public static readonly DiagnosticDescriptor Damaged = new("UND001", Severity.Error, FaultKind.Source,
        "The undo journal is damaged", "Copy disk and journal away before anything else; a copy of the journal made earlier undoes as well. Without one the disk can only be taken from a backup.");

    /// <summary>No journal.</summary>
    public static readonly DiagnosticDescriptor NoJournal = new("UND002", Severity.Error, FaultKind.Usage,
        "There is no undo journal that can be used", "Give the journal, its directory or the disk; it is named like the first disk, with .rehost-undo at its end. Another run may hold it.");

    /// <summary>The guest ran, or something else wrote to the disk.</summary>
    public static readonly DiagnosticDescriptor GuestRan = new("UND003", Severity.Error, FaultKind.Guest,
        "The disk is not as it was left: undoing would mix two states", "Keep the guest as it is; or take the old disk from a backup. --discard-what-the-guest-wrote writes the old bytes all the same, which damages what the guest has written since.");

    /// <summary>A run that was stopped.</summary>
    public static readonly DiagnosticDescriptor Interrupted = new("UND004", Severity.Error, FaultKind.Usage,
        "An earlier run was stopped in the middle", "Go on with it (rehost apply PLAN --in-place DISK --resume), or take it back (rehost undo JOURNAL). Do not start the guest before.");

    /// <summary>Applied already.</summary>
    public static readonly DiagnosticDescriptor Applied = new("UND005", Severity.Error, FaultKind.Usage,
        "A plan was applied to this disk in place already", "Take it back first (rehost undo JOURNAL); or, if the guest shall stay as it is for good, remove the journal.");

    /// <summary>The wrong disks.</summary>
    public static readonly DiagnosticDescriptor OtherDisk = new("UND006", Severity.Error, FaultKind.Usage,
        "The disk is not the one of the undo journal", "Give the disks that the plan was applied to, in the same order (--disk for each where they were moved).");

    /// <summary>Not possible in place.</summary>
    public static readonly DiagnosticDescriptor NotInPlace = new("UND007", Severity.Error, FaultKind.Usage,
        "The plan cannot be applied to this disk in place", "Convert to a copy (rehost convert --plan), or give a raw disk of its own: rehost image convert makes one of any other format.");

    /// <summary>What was written is not there.</summary>
    public static readonly DiagnosticDescriptor NotWritten = new("UND008", Severity.Error, FaultKind.Proof,
        "What was written to the disk does not read back", "Undo, and look for a failing disk (dmesg, SMART) before trying again.");

    /// <summary>A journal of a later version.</summary>
    public static readonly DiagnosticDescriptor Version = new("UND009", Severity.Error, FaultKind.Usage,
        "The undo journal has another version", "Undo with the version of Rehost that applied the plan.");

    /// <summary>Another plan.</summary>
    public static readonly DiagnosticDescriptor OtherPlan = new("UND010", Severity.Error, FaultKind.Usage,
        "The undo journal is of another plan", "Go on with the plan that was being applied, or undo it first.");
}
