using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>Where a range of a volume lies, byte for byte, on what is below it.</summary>
/// <param name="Device">The device below.</param>
/// <param name="Offset">First byte there.</param>
/// <param name="Length">Bytes; greater than zero.</param>
public readonly record struct BackingRange(IBlockDevice Device, GuestOffset Offset, long Length);
