namespace Rehost.DiskFormats.Xva;

/// <summary>How a chunk is protected.</summary>
internal enum XvaChecksumKind : byte
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>SHA-1, 40 lower-case hexadecimal digits in <c>.checksum</c>: up to Citrix Hypervisor 8.0.</summary>
    Sha1,

    /// <summary>XXH64 with seed 0, 16 upper-case digits in <c>.xxhash</c>: since Citrix Hypervisor 8.1.</summary>
    XxHash64,
}
