using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>The numbers that stand for the prefixes of attribute names.</summary>
internal static class XattrNames
{
    internal const byte UserIndex = 1;
    internal const byte AclAccessIndex = 2;
    internal const byte AclDefaultIndex = 3;
    internal const byte TrustedIndex = 4;
    internal const byte SecurityIndex = 6;
    internal const byte SystemIndex = 7;
    internal const byte RichAclIndex = 8;
    internal const byte EncryptionIndex = 9;

    /// <summary>The full name; null for attributes that are the file system's own affair.</summary>
    internal static string? ToFullName(XattrEntry entry)
    {
        var rest = GuestText.Decode(entry.Name);
        return entry.Index switch
        {
            0 => rest,
            UserIndex => "user." + rest,
            AclAccessIndex => "system.posix_acl_access",
            AclDefaultIndex => "system.posix_acl_default",
            TrustedIndex => "trusted." + rest,
            SecurityIndex => "security." + rest,
            SystemIndex => entry.IsInlineData ? null : "system." + rest,
            RichAclIndex => "system.richacl",
            _ => null,
        };
    }

    internal static (byte Index, byte[] Name) Split(string name)
    {
        (byte Index, string Name) split = name switch
        {
            "system.posix_acl_access" => (AclAccessIndex, ""),
            "system.posix_acl_default" => (AclDefaultIndex, ""),
            "system.richacl" => (RichAclIndex, ""),
            _ when name.StartsWith("user.", StringComparison.Ordinal) => (UserIndex, name[5..]),
            _ when name.StartsWith("trusted.", StringComparison.Ordinal) => (TrustedIndex, name[8..]),
            _ when name.StartsWith("security.", StringComparison.Ordinal) => (SecurityIndex, name[9..]),
            _ when name.StartsWith("system.", StringComparison.Ordinal) && name != "system.data" => (SystemIndex, name[7..]),
            _ => throw FileSystemDiagnostics.BadName.ToException($"'{name}' is no name of an extended attribute that ext file systems can store"),
        };
        var rest = GuestText.Encode(split.Name);
        if (rest.Length > 255 || (rest.Length == 0 && split.Name.Length == 0 && split.Index is not (AclAccessIndex or AclDefaultIndex or RichAclIndex)))
        {
            throw FileSystemDiagnostics.BadName.ToException($"the name of the extended attribute has {rest.Length} bytes; 1 to 255 are possible", name);
        }

        return (split.Index, rest);
    }
}
