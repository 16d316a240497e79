namespace Rehost.FileSystems.Ntfs;

/// <summary>On which side of a key what is searched belongs: negative before it, 0 when it is the one, positive after it.</summary>
internal delegate int KeyOrder(ReadOnlySpan<byte> key);
