namespace Rehost.DiskFormats.Qcow2;

/// <summary>A stretch of the disk that is stored in one way and, for data, lies together.</summary>
/// <param name="Kind">How it is stored.</param>
/// <param name="Length">Bytes of the disk; at least one. A compressed run is the rest of its cluster.</param>
/// <param name="Offset">First byte in the file that holds the data: of the position for plain data, of the whole cluster for compressed.</param>
/// <param name="StoredLength">Bytes in the file, for compressed clusters: an upper limit, because the entry counts sectors.</param>
internal readonly record struct Qcow2Run(Qcow2ClusterKind Kind, long Length, long Offset = 0, int StoredLength = 0)
{
    /// <summary>Whether another run carries this one on.</summary>
    public bool IsContinuedBy(Qcow2Run next) => Kind == next.Kind && Kind != Qcow2ClusterKind.Compressed && (Kind != Qcow2ClusterKind.Data || Offset + Length == next.Offset);
}
