namespace Rehost.Model;

/// <summary>One finding: what, where, found against needed, and what to do next.</summary>
/// <param name="Id">Stable id, see <see cref="DiagnosticDescriptor"/>.</param>
/// <param name="Severity">How grave it is.</param>
/// <param name="Fault">Where the fault lies.</param>
/// <param name="Message">What was found against what was needed.</param>
/// <param name="Where">File, device, offset or guest path.</param>
/// <param name="NextStep">What the operator should do next.</param>
public sealed record Diagnostic(string Id, Severity Severity, FaultKind Fault, string Message, string? Where, string NextStep)
{
    /// <summary>One line for a person: id, place, message.</summary>
    public override string ToString() => Where is null ? $"{Id}: {Message}" : $"{Id}: {Where}: {Message}";
}
