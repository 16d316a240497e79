namespace Rehost.Pipeline.Files;

/// <summary>A regular file of a guest and the hash of its content.</summary>
/// <param name="Path">Canonical path in the guest.</param>
/// <param name="Length">Bytes of content.</param>
/// <param name="Sha256">Hash, lower-case hexadecimal.</param>
public sealed record HashedFile(string Path, long Length, string Sha256);
