namespace Rehost.Blocks;

/// <summary>Content that lies byte for byte in a host file.</summary>
/// <param name="File">The file.</param>
/// <param name="Offset">Its first byte there.</param>
/// <param name="Length">Bytes; greater than zero.</param>
public readonly record struct StoredRange(FileDevice File, FileOffset Offset, long Length);
