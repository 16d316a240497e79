namespace Rehost.Model;

/// <summary>The one exception that the product's own code throws about its input: it carries a <see cref="Diagnostic"/>.</summary>
public sealed class DiagnosticException : Exception
{
    /// <summary>Wraps a finding.</summary>
    /// <param name="diagnostic">What went wrong.</param>
    /// <param name="inner">The cause, when there is one.</param>
    public DiagnosticException(Diagnostic diagnostic, Exception? inner = null)
        : base(diagnostic.ToString(), inner) => Diagnostic = diagnostic;

    /// <summary>What went wrong.</summary>
    public Diagnostic Diagnostic { get; }
}
