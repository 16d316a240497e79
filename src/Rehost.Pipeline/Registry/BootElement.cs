namespace Rehost.Pipeline.Registry;

/// <summary>An element of a boot entry.</summary>
/// <param name="Name">bcdedit's name, or the type.</param>
/// <param name="Text">The data in words.</param>
public sealed record BootElement(string Name, string Text);
