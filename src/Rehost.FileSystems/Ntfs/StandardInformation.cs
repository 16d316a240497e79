using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>Times, flags and security of a file.</summary>
internal static class StandardInformation
{
    internal const uint ArchiveFlag = 0x20;
    internal const uint SparseFlag = 0x200;
    internal const uint ReparseFlag = 0x400;
    private const int OldSize = 48;
    private const int Size = 72;
    private const int SecurityIdOffset = 52;
    private const uint NameFlags = 0x7FFF; // what a directory's entry repeats

    /// <summary>
    /// Everybody may read, the system and administrators may do all, and what is made below inherits it. For new files of volumes whose directories have no security id, as
    /// mkntfs makes them.
    /// </summary>
    internal static byte[] DefaultDescriptor(bool isDirectory)
    {
        const uint all = 0x1F01FF;
        const uint readAndExecute = 0x1200A9;
        byte[] administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        byte[] system = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
        byte[] users = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2, 0, 0];
        byte inherited = (byte)(isDirectory ? 3 : 0);
        byte[] Entry(uint mask, byte[] sid) => [0, inherited, (byte)(8 + sid.Length), 0, .. BitConverter.GetBytes(mask), .. sid];
        byte[] entries = [.. Entry(all, system), .. Entry(all, administrators), .. Entry(readAndExecute, users)];
        byte[] list = [2, 0, (byte)(8 + entries.Length), 0, 3, 0, 0, 0, .. entries];
        const byte header = 20;
        return
        [
            1, 0, 4, 0x80, header, 0, 0, 0, (byte)(header + administrators.Length), 0, 0, 0, 0, 0, 0, 0, (byte)(header + (2 * administrators.Length)), 0, 0, 0,
            .. administrators, .. administrators, .. list,
        ];
    }

    /// <summary>For a new node: the security id of the directory it is made in.</summary>
    internal static byte[] Make(uint securityId, uint flags, long time)
    {
        var value = new byte[securityId != 0 ? Size : OldSize];
        for (var at = 0; at < 32; at += 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(at), time);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(32), flags);
        if (securityId != 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(SecurityIdOffset), securityId);
        }

        return value;
    }

    internal static uint SecurityIdOf(NtfsNode node) => Value(node) is { Length: >= Size } value ? BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(SecurityIdOffset)) : 0;

    internal static uint FlagsOf(NtfsNode node) => Value(node) is { Length: >= OldSize } value ? BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(32)) : 0;

    internal static void Change(NtfsNode node, long time, uint set, uint clear, bool isContent)
    {
        if (Value(node) is not { Length: >= OldSize } value)
        {
            throw NtfsDiagnostics.BadAttribute.ToException("it has no standard information", node.Where);
        }

        if (isContent)
        {
            BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(8), time);
        }

        BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(16), time);
        BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(32), (FlagsOf(node) & ~clear) | set);
    }

    /// <summary>Repeats in a name what a listing shows of the file.</summary>
    internal static void CopyTo(NtfsNode node, int clusterSize, uint reparseTag, Span<byte> name)
    {
        if (Value(node) is not { Length: >= OldSize } value)
        {
            return;
        }

        value.AsSpan(0, 32).CopyTo(name[8..]);
        var data = node.IsDirectory ? null : node.Find(AttributeType.Data);
        var allocated = data is null ? 0 : data.IsResident ? NtfsAttribute.Align((int)data.Length) : (data.HasCompressedSize ? data.Runs.AllocatedClusters : data.Runs.End) * clusterSize;
        BinaryPrimitives.WriteInt64LittleEndian(name[40..], allocated);
        BinaryPrimitives.WriteInt64LittleEndian(name[48..], data?.Length ?? 0);
        BinaryPrimitives.WriteUInt32LittleEndian(name[56..], (FlagsOf(node) & NameFlags) | (node.IsDirectory ? FileName.DirectoryFlag : 0) | (BinaryPrimitives.ReadUInt32LittleEndian(name[56..]) & 0x20000000));
        if (reparseTag != 0 || (FlagsOf(node) & ReparseFlag) == 0)
        {
            var extended = node.Find(0xD0) is { Value.Length: >= 4 } information ? BinaryPrimitives.ReadUInt16LittleEndian(information.Value) : 0u;
            BinaryPrimitives.WriteUInt32LittleEndian(name[60..], reparseTag != 0 ? reparseTag : extended);
        }
    }

    private static byte[]? Value(NtfsNode node) => node.Find(AttributeType.StandardInformation)?.Value;
}
