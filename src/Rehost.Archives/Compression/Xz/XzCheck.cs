using System.Buffers.Binary;
using System.Security.Cryptography;
using Rehost.Blocks.Checksums;

namespace Rehost.Archives;

/// <summary>The integrity check of one xz block.</summary>
internal sealed class XzCheck : IDisposable
{
    private readonly Crc32? crc32;
    private readonly Crc64? crc64;
    private readonly IncrementalHash? sha256;

    public XzCheck(XzCheckKind kind)
    {
        Kind = kind;
        crc32 = kind == XzCheckKind.Crc32 ? new Crc32() : null;
        crc64 = kind == XzCheckKind.Crc64 ? new Crc64() : null;
        sha256 = kind == XzCheckKind.Sha256 ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
    }

    public XzCheckKind Kind { get; }

    /// <summary>Size of the field, by the table of section 2.1.1.2; known for reserved kinds too, which are skipped as xz does.</summary>
    public int Length => (int)Kind == 0 ? 0 : 4 << (((int)Kind - 1) / 3);

    public void Append(ReadOnlySpan<byte> data)
    {
        crc32?.Append(data);
        crc64?.Append(data);
        sha256?.AppendData(data);
    }

    public void Compare(CompressedInput input)
    {
        var stored = input.Take(Length);
        if (crc32 is not null && crc32.Value != BinaryPrimitives.ReadUInt32LittleEndian(stored))
        {
            throw input.Mismatch("CRC-32 of an xz block", crc32.Value, BinaryPrimitives.ReadUInt32LittleEndian(stored));
        }

        if (crc64 is not null && crc64.Value != BinaryPrimitives.ReadUInt64LittleEndian(stored))
        {
            throw input.Mismatch("CRC-64 of an xz block", crc64.Value, BinaryPrimitives.ReadUInt64LittleEndian(stored));
        }

        if (sha256 is not null && !stored.SequenceEqual(sha256.GetHashAndReset()))
        {
            throw ArchiveDiagnostics.ChecksumMismatch.ToException($"SHA-256 of an xz block differs, near compressed offset {input.Position}", input.Where);
        }
    }

    public void Dispose() => sha256?.Dispose();
}
