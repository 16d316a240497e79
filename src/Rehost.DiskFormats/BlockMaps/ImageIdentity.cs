using System.Security.Cryptography;
using System.Text;

namespace Rehost.DiskFormats.BlockMaps;

/// <summary>Identifiers of new images, made from what is converted: the same conversion gives the same bytes (RFC 9562 §5.8, a UUID of own making).</summary>
internal static class ImageIdentity
{
    /// <summary>Makes one.</summary>
    /// <param name="options">Its seed names the machine and the disk.</param>
    /// <param name="length">Size of the disk.</param>
    /// <param name="purpose">What in the image it identifies.</param>
    public static Guid Create(ImageWriterOptions options, long length, string purpose)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"rehost image\0{options.IdentitySeed}\0{length}\0{purpose}"));
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash.AsSpan(0, 16), bigEndian: true);
    }
}
