using System.Collections.Immutable;

namespace Rehost.Hypervisors.Xen;

/// <summary>
/// One value of a configuration: text, or a list of values. Numbers are text that was not quoted: xl treats <c>memory = 512</c> and
/// <c>memory = "512"</c> alike (libxlu keeps both as atoms), so the syntax tree does too.
/// </summary>
/// <param name="Position">Where the value begins.</param>
public abstract record XenConfigValue(XenConfigPosition Position);

/// <summary>A string or a number.</summary>
/// <param name="Text">The text without quotes, escapes resolved.</param>
/// <param name="Position">Where it begins.</param>
public sealed record XenConfigText(string Text, XenConfigPosition Position) : XenConfigValue(Position)
{
    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>A list in brackets.</summary>
/// <param name="Items">Its values, which may be lists again.</param>
/// <param name="Position">Where it begins.</param>
public sealed record XenConfigList(ImmutableArray<XenConfigValue> Items, XenConfigPosition Position) : XenConfigValue(Position)
{
    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", Items)}]";
}
