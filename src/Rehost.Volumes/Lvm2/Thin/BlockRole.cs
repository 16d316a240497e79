namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>What a block of a pool's metadata is. The number is what its checksum is mixed with, so that a block of one kind is never taken for another (the _CSUM_XOR constants of the kernel).</summary>
internal enum BlockRole : uint
{
    Superblock = 160774,
    Node = 121107,
    Bitmap = 240779,
    BitmapIndex = 160478,
}
