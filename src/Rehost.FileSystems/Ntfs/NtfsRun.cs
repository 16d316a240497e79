namespace Rehost.FileSystems.Ntfs;

/// <summary>Clusters of a file that lie together.</summary>
/// <param name="Vcn">The first one's number in the file.</param>
/// <param name="Lcn">The first one's number on the volume; negative for a hole.</param>
/// <param name="Length">How many.</param>
internal readonly record struct NtfsRun(long Vcn, long Lcn, long Length)
{
    internal const long Hole = -1;

    internal bool IsHole => Lcn < 0;

    internal long End => Vcn + Length;
}
