using System.Collections.Immutable;

namespace Rehost.Remote.Xapi;

/// <summary>A failure as xapi reports it: a code in capitals and its parameters.</summary>
internal sealed class XapiFailure(ImmutableArray<string> description) : Exception(string.Join(" ", description))
{
    /// <summary>HANDLE_INVALID, SESSION_AUTHENTICATION_FAILED …</summary>
    public string Code => description is [var code, ..] ? code : "INTERNAL_ERROR";

    /// <summary>What follows the code.</summary>
    public ImmutableArray<string> Parameters => description.IsEmpty ? [] : description[1..];
}
