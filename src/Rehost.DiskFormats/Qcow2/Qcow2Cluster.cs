namespace Rehost.DiskFormats.Qcow2;

/// <summary>Where a cluster of the disk is.</summary>
/// <param name="Kind">How it is stored.</param>
/// <param name="Offset">First byte in the file, for stored ones.</param>
/// <param name="StoredLength">Bytes in the file, for compressed ones: an upper limit, because the entry counts sectors.</param>
internal readonly record struct Qcow2Cluster(Qcow2ClusterKind Kind, long Offset, int StoredLength);
