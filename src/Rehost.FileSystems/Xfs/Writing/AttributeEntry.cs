using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>How an attribute is stored: namespace as a flag, name without prefix, access control lists in their own form.</summary>
internal sealed record AttributeEntry(byte Flags, byte[] Name, byte[] Value)
{
    private const byte Root = 2;
    private const byte Secure = 4;
    private const int MostBytes = 65536;

    internal uint Hash => NameHash.Of(Name);

    internal static AttributeEntry Create(string name, byte[] value)
    {
        (byte Flags, string Name) split = name switch
        {
            "system.posix_acl_access" => (Root, "SGI_ACL_FILE"),
            "system.posix_acl_default" => (Root, "SGI_ACL_DEFAULT"),
            _ when name.StartsWith("user.", StringComparison.Ordinal) => ((byte)0, name[5..]),
            _ when name.StartsWith("trusted.", StringComparison.Ordinal) => (Root, name[8..]),
            _ when name.StartsWith("security.", StringComparison.Ordinal) => (Secure, name[9..]),
            _ => throw FileSystemDiagnostics.BadName.ToException($"'{name}' is no name of an extended attribute that XFS can store"),
        };
        var bytes = GuestText.Encode(split.Name);
        if (bytes.Length is 0 or > 255 || bytes.Contains((byte)0))
        {
            throw FileSystemDiagnostics.BadName.ToException($"the name of the extended attribute has {bytes.Length} bytes; 1 to 255 are possible", name);
        }

        if (value.Length > MostBytes)
        {
            throw FileSystemDiagnostics.TooLarge.ToException($"an extended attribute of {value.Length} bytes; {MostBytes} are possible", name);
        }

        return new AttributeEntry(split.Flags, bytes, name.StartsWith("system.", StringComparison.Ordinal) ? ToStoredAcl(value, name) : value);
    }

    /// <summary>From struct posix_acl_xattr_header and entries to struct xfs_acl.</summary>
    private static byte[] ToStoredAcl(byte[] shown, string name)
    {
        if (shown.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(shown) != 2 || (shown.Length - 4) % 8 != 0)
        {
            throw FileSystemDiagnostics.BadName.ToException($"{shown.Length} bytes that are no access control list", name);
        }

        var count = (shown.Length - 4) / 8;
        var stored = new byte[4 + (count * 12)];
        BinaryPrimitives.WriteUInt32BigEndian(stored, (uint)count);
        for (var i = 0; i < count; i++)
        {
            var from = shown.AsSpan(4 + (i * 8));
            var to = stored.AsSpan(4 + (i * 12));
            BinaryPrimitives.WriteUInt32BigEndian(to, BinaryPrimitives.ReadUInt16LittleEndian(from));
            BinaryPrimitives.WriteUInt32BigEndian(to[4..], BinaryPrimitives.ReadUInt32LittleEndian(from[4..]));
            BinaryPrimitives.WriteUInt16BigEndian(to[8..], BinaryPrimitives.ReadUInt16LittleEndian(from[2..]));
        }

        return stored;
    }
}
