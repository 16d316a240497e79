namespace Rehost.Model;

/// <summary>How grave a <see cref="Diagnostic"/> is.</summary>
public enum Severity
{
    /// <summary>Worth knowing; nothing to do.</summary>
    Information,

    /// <summary>The work goes on, and the operator should look at it.</summary>
    Warning,

    /// <summary>The work cannot go on.</summary>
    Error,
}
