namespace Rehost.Hypervisors.Xen;

/// <summary>The kinds of token of a configuration.</summary>
internal enum XenConfigTokenKind
{
    EndOfText,
    EndOfStatement,
    Name,
    Number,
    Text,
    Equals,
    PlusEquals,
    Comma,
    OpenList,
    CloseList,
    Other,
}

/// <summary>One token.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Text">Content: unquoted for <see cref="XenConfigTokenKind.Text"/>, as written otherwise.</param>
/// <param name="Position">Where it begins.</param>
internal readonly record struct XenConfigToken(XenConfigTokenKind Kind, string Text, XenConfigPosition Position);
