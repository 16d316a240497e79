using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>Findings of plans that are documents.</summary>
public static class PlanDocumentDiagnostics
{
    /// <summary>The file is no plan.</summary>
    public static readonly DiagnosticDescriptor Malformed = new("PLD001", Severity.Error, FaultKind.Usage,
        "The plan document is malformed", "Mend what the message names (docs/plan.schema.json has the form), or make the plan again: rehost plan SOURCE --to TARGET --output plan.json.");

    /// <summary>A version that is not read.</summary>
    public static readonly DiagnosticDescriptor UnknownVersion = new("PLD002", Severity.Error, FaultKind.Usage,
        "The plan document has another version", "Apply it with the version of Rehost that made it (madeBy), or make the plan again with this one.");

    /// <summary>A path or name that leads where nothing of a plan may lead.</summary>
    public static readonly DiagnosticDescriptor BadPath = new("PLD003", Severity.Error, FaultKind.Usage,
        "A path in the plan document leaves the guest", "Write guest paths from the guest's root, without '..': /etc/fstab; and files of the target as plain names.");

    /// <summary>The guest is another one now.</summary>
    public static readonly DiagnosticDescriptor GuestChanged = new("PLD004", Severity.Error, FaultKind.Guest,
        "The guest changed since the plan was made", "Make the plan again from the guest as it is now, and edit that as this one was; or go back to the disks that the plan was made from.");

    /// <summary>Another machine.</summary>
    public static readonly DiagnosticDescriptor OtherGuest = new("PLD005", Severity.Error, FaultKind.Source,
        "The plan is for another machine", "Give the source that the plan was made from, with all its disks in the same order.");

    /// <summary>Signed off, and edited afterwards.</summary>
    public static readonly DiagnosticDescriptor StaleSignOff = new("PLD006", Severity.Error, FaultKind.Usage,
        "The plan was edited after it was signed off", "Look at it with rehost review, then sign it off again: rehost sign-off plan.json --by NAME.");

    /// <summary>Edited, and nobody signed off.</summary>
    public static readonly DiagnosticDescriptor NotSignedOff = new("PLD007", Severity.Warning, FaultKind.Usage,
        "The plan was edited and nobody signed it off", "Nothing need be done; rehost sign-off records who answers for the edits, and --require-signed-off refuses plans without it.");

    /// <summary>Not signed off, and the operator wants that.</summary>
    public static readonly DiagnosticDescriptor SignOffRequired = new("PLD008", Severity.Error, FaultKind.Usage,
        "The plan is not signed off", "Have it reviewed and signed off: rehost sign-off plan.json --by NAME; or leave --require-signed-off out.");

    /// <summary>Edits that contradict the rest.</summary>
    public static readonly DiagnosticDescriptor Contradiction = new("PLD009", Severity.Error, FaultKind.Usage,
        "The edited plan contradicts itself", "Edit the other place that the message names as well, or make the plan again and edit less of it.");

    /// <summary>What must not be in a document.</summary>
    public static readonly DiagnosticDescriptor Secret = new("PLD010", Severity.Error, FaultKind.Usage,
        "A plan document may not hold a secret", "Take the change out of the plan; set passwords and keys in the guest itself after the conversion.");

    /// <summary>An option that the plan decides.</summary>
    public static readonly DiagnosticDescriptor DecidedByPlan = new("PLD011", Severity.Error, FaultKind.Usage,
        "The plan decides that", "Leave the option out, or make a new plan with it: rehost plan SOURCE --to TARGET --output plan.json.");
}
