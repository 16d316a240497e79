using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>POSIX ACLs: on disk in a short form (version 1), to the outside in the form of getxattr(2) (version 2).</summary>
internal static class PosixAcl
{
    private const int UserTag = 2;
    private const int GroupTag = 8;

    /// <summary>From disk to getxattr form; what makes no sense is handed on as it is.</summary>
    internal static byte[] FromDisk(byte[] disk)
    {
        if (disk.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(disk) != 1)
        {
            return disk;
        }

        var result = new List<byte> { 2, 0, 0, 0 };
        for (var at = 4; at < disk.Length;)
        {
            if (at + 4 > disk.Length)
            {
                return disk;
            }

            var named = disk[at] is UserTag or GroupTag && disk[at + 1] == 0;
            if (named && at + 8 > disk.Length)
            {
                return disk;
            }

            result.AddRange(disk.AsSpan(at, 4));
            result.AddRange(named ? disk.AsSpan(at + 4, 4) : [0xFF, 0xFF, 0xFF, 0xFF]);
            at += named ? 8 : 4;
        }

        return [.. result];
    }

    /// <summary>From getxattr form to disk.</summary>
    internal static byte[] ToDisk(byte[] outside)
    {
        if (outside.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(outside) != 2 || (outside.Length - 4) % 8 != 0)
        {
            return outside;
        }

        var result = new List<byte> { 1, 0, 0, 0 };
        for (var at = 4; at < outside.Length; at += 8)
        {
            var named = outside[at] is UserTag or GroupTag && outside[at + 1] == 0;
            result.AddRange(outside.AsSpan(at, named ? 8 : 4));
        }

        return [.. result];
    }
}
