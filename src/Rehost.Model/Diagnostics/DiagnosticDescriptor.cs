namespace Rehost.Model;

/// <summary>The stable identity of one kind of finding. Declared once, as a static readonly field of a class named <c>…Diagnostics</c>, and listed in docs/diagnostics.md.</summary>
/// <param name="Id">Stable id, upper-case area prefix and three digits: <c>XVA003</c>.</param>
/// <param name="Severity">How grave it is.</param>
/// <param name="Fault">Where the fault lies.</param>
/// <param name="Title">One line, what is wrong in general.</param>
/// <param name="NextStep">What the operator should do next.</param>
public sealed record DiagnosticDescriptor(string Id, Severity Severity, FaultKind Fault, string Title, string NextStep)
{
    /// <summary>Makes a finding of this kind.</summary>
    /// <param name="message">What was found against what was needed, with values.</param>
    /// <param name="where">Which file, device, offset or path; null when the message says it all.</param>
    public Diagnostic Create(string message, string? where = null) => new(Id, Severity, Fault, message, where, NextStep);

    /// <summary>Makes an exception that carries a finding of this kind, to be thrown by the caller.</summary>
    /// <param name="message">What was found against what was needed, with values.</param>
    /// <param name="where">Which file, device, offset or path; null when the message says it all.</param>
    /// <param name="inner">The cause, when there is one.</param>
    public DiagnosticException ToException(string message, string? where = null, Exception? inner = null) => new(Create(message, where), inner);
}
