using System.Collections.Immutable;

namespace Rehost.Pipeline.Registry;

/// <summary>An object of a boot configuration store.</summary>
/// <param name="Id">bcdedit's short name, or the id.</param>
/// <param name="Type">What it is.</param>
/// <param name="Elements">Its elements.</param>
public sealed record BootEntry(string Id, string Type, ImmutableArray<BootElement> Elements);
