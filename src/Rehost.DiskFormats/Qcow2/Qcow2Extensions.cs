using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>What stands between the header and the end of the first cluster: extensions, and the name of the backing file.</summary>
internal sealed record Qcow2Extensions
{
    private const uint BackingFormatType = 0xE2792ACA;
    private const uint FeatureNamesType = 0x6803F857;
    private const uint BitmapsType = 0x23852875;
    private const uint DataFileType = 0x44415441;
    private const int FeatureNameSize = 48;
    private const int BackingNameMax = 1023;
    private const int AreaMax = 64 << 10; // QEMU writes a few hundred bytes; a cluster may have 2 MiB

    /// <summary>Name of the backing file; null for none.</summary>
    public string? BackingFile { get; private init; }

    /// <summary>Its format in QEMU's words; null when not declared.</summary>
    public string? BackingFormat { get; private init; }

    /// <summary>Name of the external data file; null when not given.</summary>
    public string? DataFile { get; private init; }

    /// <summary>The names of features: kind (0 incompatible, 1 compatible, 2 autoclear), bit, name.</summary>
    public ImmutableArray<(byte Kind, byte Bit, string Name)> FeatureNames { get; private init; } = [];

    /// <summary>The extension that tells of bitmaps; empty for none.</summary>
    public ImmutableArray<byte> Bitmaps { get; private init; } = [];

    /// <summary>All extensions in order, as they are.</summary>
    public ImmutableArray<(uint Type, ImmutableArray<byte> Data)> All { get; private init; } = [];

    /// <summary>Bytes of the header area that extensions take, end mark included.</summary>
    public int Length => All.Sum(one => 8 + Pad(one.Data.Length)) + 8;

    /// <summary>Reads what follows a header.</summary>
    /// <exception cref="DiagnosticException">An extension or the name leaves the first cluster or the file (QCW001).</exception>
    public static Qcow2Extensions Parse(IBlockDevice file, Qcow2Header header, string name)
    {
        var clusterEnd = (int)Math.Min(header.ClusterSize, file.Length);
        var backingFile = ReadBackingName(file, header, clusterEnd, name);
        var end = header.BackingFileOffset != 0 ? (int)Math.Min((ulong)clusterEnd, header.BackingFileOffset) : clusterEnd;
        var start = (int)header.HeaderLength;
        var area = new byte[Math.Clamp(end - start, 0, AreaMax)];
        file.Read(new GuestOffset(start), area);
        var all = ImmutableArray.CreateBuilder<(uint, ImmutableArray<byte>)>();
        var result = new Qcow2Extensions { BackingFile = backingFile };
        for (var at = 0; at + 8 <= area.Length;)
        {
            var type = BinaryPrimitives.ReadUInt32BigEndian(area.AsSpan(at));
            var length = BinaryPrimitives.ReadUInt32BigEndian(area.AsSpan(at + 4));
            if (type == 0)
            {
                break;
            }

            if (length > area.Length - at - 8)
            {
                throw Qcow2Diagnostics.BadHeader.ToException($"the header extension 0x{type:x8} at {start + at} has {length} bytes, which leave the header", name);
            }

            var data = area.AsSpan(at + 8, (int)length);
            all.Add((type, [.. data]));
            result = type switch
            {
                BackingFormatType => result with { BackingFormat = GuestText.Decode(data) },
                DataFileType => result with { DataFile = GuestText.Decode(data) },
                FeatureNamesType => result with { FeatureNames = ParseFeatureNames(data) },
                BitmapsType => result with { Bitmaps = [.. data] },
                _ => result,
            };
            at = (int)Math.Min(at + 8L + Pad((int)length), area.Length);
        }

        return result with { All = all.ToImmutable() };
    }

    /// <summary>The extensions' bytes, end mark included.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Length];
        var at = 0;
        foreach (var (type, data) in All)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), type);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at + 4), data.Length);
            data.CopyTo(bytes, at + 8);
            at += 8 + Pad(data.Length);
        }

        return bytes;
    }

    /// <summary>What the image calls an incompatible feature.</summary>
    public string NameOf(int bit)
        => FeatureNames.FirstOrDefault(feature => feature.Kind == 0 && feature.Bit == bit) is { Name: { Length: > 0 } named } ? $"'{named}' (bit {bit})" : $"bit {bit}";

    private static int Pad(int length) => (length + 7) & ~7;

    private static ImmutableArray<(byte Kind, byte Bit, string Name)> ParseFeatureNames(ReadOnlySpan<byte> data)
    {
        var names = ImmutableArray.CreateBuilder<(byte, byte, string)>();
        for (; data.Length >= FeatureNameSize; data = data[FeatureNameSize..])
        {
            names.Add((data[0], data[1], GuestText.Decode(data[2..FeatureNameSize].TrimEnd((byte)0))));
        }

        return names.ToImmutable();
    }

    private static string? ReadBackingName(IBlockDevice file, Qcow2Header header, int clusterEnd, string name)
    {
        if (header.BackingFileOffset == 0 || header.BackingFileSize == 0)
        {
            return null;
        }

        if (header.BackingFileSize > BackingNameMax || header.BackingFileOffset > (ulong)clusterEnd || header.BackingFileSize > (ulong)clusterEnd - header.BackingFileOffset)
        {
            throw Qcow2Diagnostics.BadHeader.ToException($"the name of the backing file is said to have {header.BackingFileSize} bytes at 0x{header.BackingFileOffset:x}", name);
        }

        var bytes = new byte[header.BackingFileSize];
        file.Read(new GuestOffset((long)header.BackingFileOffset), bytes);
        return GuestText.Decode(bytes);
    }
}
