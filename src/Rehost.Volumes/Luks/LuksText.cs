using System.Security.Cryptography;
using Rehost.Model;

namespace Rehost.Volumes.Luks;

/// <summary>Texts in LUKS headers.</summary>
internal static class LuksText
{
    /// <summary>A field that zeros fill up.</summary>
    public static string Of(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return GuestText.Decode(end < 0 ? field : field[..end]);
    }

    /// <summary>The hash of a name.</summary>
    /// <exception cref="DiagnosticException">It is not supported (VOL001).</exception>
    public static HashAlgorithmName HashOf(string name) => name switch
    {
        "sha1" => HashAlgorithmName.SHA1,
        "sha256" => HashAlgorithmName.SHA256,
        "sha384" => HashAlgorithmName.SHA384,
        "sha512" => HashAlgorithmName.SHA512,
        _ => throw VolumeDiagnostics.Unsupported.ToException($"the hash '{name}'; sha1, sha256, sha384 and sha512 are known", "LUKS header"),
    };
}
