using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>One leg of a mirror.</summary>
/// <param name="Device">Its bytes.</param>
/// <param name="IsWhole">Whether it holds everything; one that is still being filled is written and never read.</param>
internal readonly record struct MirrorLeg(IBlockDevice Device, bool IsWhole = true);
