using System.Collections.Immutable;

namespace Rehost.Hypervisors.XenServer;

/// <summary>A value of XML-RPC as XenServer writes it: text (numbers and times included), a struct, or an array.</summary>
public abstract record XmlRpcValue
{
    /// <summary>The member of a struct; null when it is missing or this is no struct.</summary>
    public XmlRpcValue? this[string member] => (this as XmlRpcStruct)?.Members.GetValueOrDefault(member);

    /// <summary>The text of a member; empty when it is missing or no text.</summary>
    public string Text(string member) => this[member] is XmlRpcText text ? text.Content : "";

    /// <summary>Whether a boolean member is set; xapi writes 0 and 1, other writers also true and false.</summary>
    public bool Flag(string member) => Text(member).Trim() is "1" or "true";

    /// <summary>The items of an array member; none when it is missing.</summary>
    public ImmutableArray<XmlRpcValue> Items(string member) => this[member] is XmlRpcArray array ? array.Elements : [];
}

/// <summary>Text, number, boolean or time.</summary>
/// <param name="Content">As it was written.</param>
public sealed record XmlRpcText(string Content) : XmlRpcValue;

/// <summary>Named values.</summary>
/// <param name="Members">By name.</param>
public sealed record XmlRpcStruct(ImmutableDictionary<string, XmlRpcValue> Members) : XmlRpcValue;

/// <summary>A list.</summary>
/// <param name="Elements">In order.</param>
public sealed record XmlRpcArray(ImmutableArray<XmlRpcValue> Elements) : XmlRpcValue;
