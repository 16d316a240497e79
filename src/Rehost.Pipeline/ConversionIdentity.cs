using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline;

/// <summary>
/// All that decides what a conversion writes, as one text: the version, the source's files as they are now, the plan, and the very bytes that the edits made, so that another GRUB on this host, or
/// another driver disk, is noticed too.
/// </summary>
internal static class ConversionIdentity
{
    private const int PieceSize = 1 << 20;

    /// <summary>The identity.</summary>
    public static string Of(OpenSource source, ConversionPlan plan, ImmutableArray<AppliedDisk> applied, ImmutableArray<DiskFreeSpace> free, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{typeof(ConversionIdentity).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}\n{source.Kind}\n");
        foreach (var file in source.Files)
        {
            text.Append(CultureInfo.InvariantCulture, $"{file.Path}\0{file.Length} {file.Modified.UtcTicks} {file.Number}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ModelJson.Serialize(plan))))}\n");
        foreach (var (disk, space) in applied.Zip(free))
        {
            text.Append(CultureInfo.InvariantCulture, $"{disk.Device.Length} {Convert.ToHexStringLower(HashOf(disk, space, cancellationToken))}\n");
        }

        return text.ToString();
    }

    private static byte[] HashOf(AppliedDisk disk, DiskFreeSpace space, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[PieceSize];
        foreach (var range in disk.ChangedRanges)
        {
            Append(range);
            for (var at = range.Offset; at < range.End; at += PieceSize)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var part = buffer.AsSpan(0, (int)Math.Min(PieceSize, range.End - at));
                disk.Device.Read(new GuestOffset(at), part);
                hash.AppendData(part);
            }
        }

        foreach (var range in space.Ranges)
        {
            Append(range);
        }

        return hash.GetHashAndReset();

        void Append(ByteRange range)
        {
            Span<byte> words = stackalloc byte[16];
            BinaryPrimitives.WriteInt64LittleEndian(words, range.Offset);
            BinaryPrimitives.WriteInt64LittleEndian(words[8..], range.Length);
            hash.AppendData(words);
        }
    }
}
