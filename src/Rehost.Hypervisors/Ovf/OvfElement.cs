using System.Collections.Immutable;

namespace Rehost.Hypervisors.Ovf;

/// <summary>
/// One element of a descriptor. Names are local: every product has its own opinion on which namespace an attribute is in, and OVF 0.9, 1 and 2 differ in
/// all of them, while no two elements that matter here share a name.
/// </summary>
internal sealed record OvfElement(string Name, ImmutableDictionary<string, string> Attributes, ImmutableArray<OvfElement> Children, string Text)
{
    /// <summary>An attribute without blanks around it; null when it is missing or empty.</summary>
    public string? this[string attribute] => Attributes.GetValueOrDefault(attribute)?.Trim() is { Length: > 0 } value ? value : null;

    /// <summary>Children of a name.</summary>
    public IEnumerable<OvfElement> All(string name) => Children.Where(child => child.Name == name);

    /// <summary>The first child of a name.</summary>
    public OvfElement? First(string name) => Children.FirstOrDefault(child => child.Name == name);

    /// <summary>The text of a child; null when it is missing or empty.</summary>
    public string? TextOf(string name) => First(name)?.Text.Trim() is { Length: > 0 } text ? text : null;
}
