namespace Rehost.Hypervisors.Ovf;

/// <summary>A disk of a new package.</summary>
/// <param name="FileName">Its file.</param>
/// <param name="Capacity">Bytes of the disk.</param>
/// <param name="FileLength">Bytes of the file.</param>
internal sealed record OvfWrittenDisk(string FileName, long Capacity, long FileLength);
