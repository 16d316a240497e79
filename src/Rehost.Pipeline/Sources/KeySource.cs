namespace Rehost.Pipeline.Sources;

/// <summary>Where the key of an encrypted volume comes from. The key itself is never part of a request.</summary>
/// <param name="Volume">UUID or device name of the volume; null for any.</param>
/// <param name="Path">File with the passphrase or key; null to ask for it.</param>
public sealed record KeySource(string? Volume, string? Path);
