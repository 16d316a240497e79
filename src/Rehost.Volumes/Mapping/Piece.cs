using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>The first stretch of an access that lies in one piece on one device below.</summary>
/// <param name="Device">The device below; null for a copy that is missing.</param>
/// <param name="Offset">First byte there.</param>
/// <param name="Length">Bytes; greater than zero, and the same for every copy.</param>
internal readonly record struct Piece(IBlockDevice? Device, long Offset, long Length);
