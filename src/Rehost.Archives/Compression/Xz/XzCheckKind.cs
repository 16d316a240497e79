namespace Rehost.Archives;

/// <summary>Integrity check of xz blocks, section 2.1.1.2.</summary>
internal enum XzCheckKind
{
    None = 0,
    Crc32 = 1,
    Crc64 = 4,
    Sha256 = 10,
}
