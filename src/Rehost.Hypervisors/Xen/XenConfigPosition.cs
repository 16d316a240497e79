namespace Rehost.Hypervisors.Xen;

/// <summary>A place in a configuration text, as editors count it.</summary>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column in characters, from 1.</param>
public readonly record struct XenConfigPosition(int Line, int Column)
{
    /// <summary>line:column, as compilers print it.</summary>
    public override string ToString() => FormattableString.Invariant($"{Line}:{Column}");
}
