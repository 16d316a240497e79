namespace Rehost.DiskFormats.Qcow2;

/// <summary>How a cluster is stored.</summary>
internal enum Qcow2ClusterKind
{
    /// <summary>Never written.</summary>
    Unallocated,

    /// <summary>Marked as zeros.</summary>
    Zero,

    /// <summary>Stored as it is.</summary>
    Data,

    /// <summary>Stored compressed.</summary>
    Compressed,
}
