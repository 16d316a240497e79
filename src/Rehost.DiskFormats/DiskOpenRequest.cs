using Rehost.Blocks;

namespace Rehost.DiskFormats;

/// <summary>What is known about a disk that is to be opened.</summary>
/// <param name="File">The container file. The opened disk owns it, also when opening fails.</param>
/// <param name="FileName">What to call it in messages.</param>
public sealed record DiskOpenRequest(IBlockDevice File, string FileName)
{
    /// <summary>Which disk of a container that holds several (XVA: <c>Ref:4</c>); null for a container of one.</summary>
    public string? DiskId { get; init; }

    /// <summary>Size of the disk where the container does not say (XVA: VDI.virtual_size).</summary>
    public long? Length { get; init; }
}
