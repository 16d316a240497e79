using System.Security.Cryptography;
using System.Text;

namespace Rehost.Hypervisors.Kvm;

/// <summary>Identities computed from content, so that a conversion that is run again writes the same bytes.</summary>
public static class DerivedIdentity
{
    /// <summary>A UUID of version 8 (RFC 9562, 5.8) from the SHA-256 of the parts.</summary>
    /// <param name="parts">What the identity stands for; order and division matter.</param>
    public static Guid FromParts(params ReadOnlySpan<string> parts)
    {
        var text = new StringBuilder("rehost-identity-1");
        foreach (var part in parts)
        {
            text.Append('\0').Append(part);
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()), hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
