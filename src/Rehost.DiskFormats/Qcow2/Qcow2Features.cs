namespace Rehost.DiskFormats.Qcow2;

/// <summary>Incompatible features (QEMU docs/interop/qcow2.txt, bytes 72 to 79): a reader that does not know a bit must not open the image.</summary>
[Flags]
internal enum Qcow2Features : ulong
{
    None = 0,

    /// <summary>Reference counts may be stale; content is sound.</summary>
    Dirty = 1,

    /// <summary>QEMU found the metadata inconsistent.</summary>
    Corrupt = 2,

    /// <summary>Content lies in another file.</summary>
    ExternalData = 4,

    /// <summary>The header says how clusters are compressed.</summary>
    CompressionType = 8,

    /// <summary>L2 entries of 16 bytes with a bitmap of subclusters.</summary>
    ExtendedL2 = 16,
}
