using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>A stretch of a device that a <see cref="LinearVolume"/> is made of.</summary>
/// <param name="Device">The device.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct VolumePart(IBlockDevice Device, long Offset, long Length);
