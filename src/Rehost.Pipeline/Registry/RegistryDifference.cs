namespace Rehost.Pipeline.Registry;

/// <summary>A difference between two hives.</summary>
/// <param name="Key">The key's path.</param>
/// <param name="Name">The value's name; null when the key itself is meant.</param>
/// <param name="What">"only in first", "only in second" or "differs".</param>
/// <param name="First">The first one's value in words.</param>
/// <param name="Second">The second one's.</param>
public sealed record RegistryDifference(string Key, string? Name, string What, string? First, string? Second);
