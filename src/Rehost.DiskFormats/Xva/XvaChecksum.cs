using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Rehost.Blocks.Checksums;

namespace Rehost.DiskFormats.Xva;

/// <summary>The checksum member behind a chunk: hexadecimal digits of SHA-1 (.checksum) or of XXH64 with seed 0 (.xxhash).</summary>
internal static class XvaChecksum
{
    /// <summary>Digits of the longest.</summary>
    public const int Longest = 40;

    /// <summary>Digits of a kind.</summary>
    public static int LengthOf(XvaChecksumKind kind) => kind == XvaChecksumKind.Sha1 ? 40 : 16;

    /// <summary>The kind that a member's extension says; null for none that is known.</summary>
    public static XvaChecksumKind? KindOf(string extension) => extension switch
    {
        ".checksum" => XvaChecksumKind.Sha1,
        ".xxhash" => XvaChecksumKind.XxHash64,
        _ => null,
    };

    /// <summary>Compares a chunk with its checksum.</summary>
    /// <exception cref="Model.DiagnosticException">They do not match (XVA004), or it is no checksum (XVA012).</exception>
    public static void Verify(XvaChecksumKind kind, ReadOnlySpan<byte> content, ReadOnlySpan<byte> text, int number, long place, string where)
    {
        Span<byte> needed = stackalloc byte[20];
        needed = needed[..(text.Length / 2)];
        if (Convert.FromHexString(text, needed, out _, out var written) != OperationStatus.Done || written != needed.Length)
        {
            throw XvaDiagnostics.BadChecksum.ToException($"the checksum of chunk {number:D8} is not {text.Length} hexadecimal digits", where);
        }

        Span<byte> found = stackalloc byte[20];
        found = found[..needed.Length];
        if (kind == XvaChecksumKind.Sha1)
        {
#pragma warning disable CA5350 // The format's own checksum against accidents; nothing is trusted because of it.
            SHA1.HashData(content, found);
#pragma warning restore CA5350
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(found, XxHash64.Of(content));
        }

        if (!found.SequenceEqual(needed))
        {
            var name = kind == XvaChecksumKind.Sha1 ? "SHA-1" : "XXH64";
            throw XvaDiagnostics.ChecksumMismatch.ToException(
                string.Create(CultureInfo.InvariantCulture, $"chunk {number:D8} ({content.Length} bytes at {place} of the file) has {name} {Convert.ToHexString(found)}, {Convert.ToHexString(needed)} was exported"),
                where);
        }
    }
}
