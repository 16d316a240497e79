using System.Numerics;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>The hash of names of directory entries and attributes ("Directories", "Hash Function").</summary>
internal static class NameHash
{
    internal static uint Of(ReadOnlySpan<byte> name)
    {
        var hash = 0u;
        for (; name.Length >= 4; name = name[4..])
        {
            hash = ((uint)name[0] << 21) ^ ((uint)name[1] << 14) ^ ((uint)name[2] << 7) ^ name[3] ^ BitOperations.RotateLeft(hash, 28);
        }

        return name.Length switch
        {
            3 => ((uint)name[0] << 14) ^ ((uint)name[1] << 7) ^ name[2] ^ BitOperations.RotateLeft(hash, 21),
            2 => ((uint)name[0] << 7) ^ name[1] ^ BitOperations.RotateLeft(hash, 14),
            1 => name[0] ^ BitOperations.RotateLeft(hash, 7),
            _ => hash,
        };
    }
}
