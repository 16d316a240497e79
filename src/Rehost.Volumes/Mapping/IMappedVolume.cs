using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>A volume that keeps its bytes on other devices and can say where.</summary>
public interface IMappedVolume : IBlockDevice
{
    /// <summary>
    /// Every place below that belongs to a range of the volume and to nothing else: if the range is free, so are these. Copies on several legs are all listed.
    /// A volume whose blocks also serve another purpose (parity, a snapshot) lists none.
    /// </summary>
    IEnumerable<BackingRange> MapDown(GuestOffset offset, long length);
}
