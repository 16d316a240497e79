using Rehost.Blocks;

namespace Rehost.Volumes.Stack;

/// <summary>A disk of the machine.</summary>
/// <param name="Name">Device name in the guest without /dev/: xvda.</param>
/// <param name="Device">Its content.</param>
public sealed record StackDisk(string Name, IBlockDevice Device);
