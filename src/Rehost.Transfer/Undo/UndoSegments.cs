using System.Buffers.Binary;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;

namespace Rehost.Transfer.Undo;

/// <summary>Hashes of a disk: one of all of it, as sha256sum gives it, and short ones of its pieces.</summary>
/// <param name="Sha256">SHA-256 of the whole.</param>
/// <param name="Segments">XXH64 of each piece.</param>
public sealed record UndoSegments(string Sha256, byte[] Segments)
{
    /// <summary>Bytes of one piece.</summary>
    public const int Size = 16 << 20;

    private const int Step = 1 << 20;

    /// <summary>Reads a disk.</summary>
    public static UndoSegments Of(IBlockDevice disk, Action<long>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(disk);
        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var segments = new byte[checked((int)((disk.Length + Size - 1) / Size * 8))];
        var buffer = new byte[Step];
        for (long start = 0; start < disk.Length; start += Size)
        {
            var segment = new XxHash64();
            for (var at = start; at < Math.Min(disk.Length, start + Size);)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var piece = buffer.AsSpan(0, (int)Math.Min(Step, Math.Min(disk.Length, start + Size) - at));
                disk.Read(new GuestOffset(at), piece);
                whole.AppendData(piece);
                segment.Append(piece);
                at += piece.Length;
                progress?.Invoke(at);
            }

            BinaryPrimitives.WriteUInt64LittleEndian(segments.AsSpan((int)(start / Size * 8)), segment.Value);
        }

        return new UndoSegments(Convert.ToHexStringLower(whole.GetHashAndReset()), segments);
    }
}
