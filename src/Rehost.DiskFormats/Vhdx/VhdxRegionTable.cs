using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>The region table, of which there are two ([MS-VHDX] 2.2.3).</summary>
/// <param name="Regions">Its entries.</param>
internal sealed record VhdxRegionTable(ImmutableArray<VhdxRegion> Regions)
{
    public const int Size = 64 << 10;
    public const long FirstAt = 192 << 10;
    public const long SecondAt = 256 << 10;
    private const int EntriesAt = 16;
    private const int EntrySize = 32;
    private const int EntriesMax = 2047;

    public static ReadOnlySpan<byte> Signature => "regi"u8;

    /// <summary>The block allocation table.</summary>
    public VhdxRegion Table => Regions.First(region => region.Id == VhdxRegion.TableId);

    /// <summary>The metadata.</summary>
    public VhdxRegion Metadata => Regions.First(region => region.Id == VhdxRegion.MetadataId);

    public static VhdxRegionTable Read(IBlockDevice file, string name, Action<Diagnostic>? report)
    {
        var (first, second) = (TryRead(file, FirstAt), TryRead(file, SecondAt));
        var table = first ?? second ?? throw VhdxDiagnostics.BadRegions.ToException("neither region table has the right checksum", name);
        if (first is null || second is null)
        {
            report?.Invoke(VhdxDiagnostics.CopyDamaged.Create($"the {(first is null ? "first" : "second")} region table has a wrong checksum", name));
        }

        foreach (var region in table.Regions)
        {
            if (region.Id != VhdxRegion.TableId && region.Id != VhdxRegion.MetadataId)
            {
                if (region.IsRequired)
                {
                    throw VhdxDiagnostics.Unsupported.ToException($"a required region of kind {region.Id}", name);
                }

                continue;
            }

            if (region.Offset < VhdxFields.Megabyte || region.Offset % VhdxFields.Megabyte != 0 || region.Offset > file.Length || region.Length > file.Length - region.Offset)
            {
                throw VhdxDiagnostics.BadRegions.ToException($"it puts a region of {region.Length} bytes at 0x{region.Offset:x} in a file of {file.Length} bytes", name);
            }
        }

        foreach (var (id, what) in new[] { (VhdxRegion.TableId, "block table"), (VhdxRegion.MetadataId, "metadata") })
        {
            if (table.Regions.Count(region => region.Id == id) is var count and not 1)
            {
                throw VhdxDiagnostics.BadRegions.ToException($"it has {count} regions for the {what} where there must be one", name);
            }
        }

        return table;
    }

    public static VhdxRegionTable? TryParse(ReadOnlySpan<byte> bytes)
    {
        var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (!VhdxFields.IsWhole(bytes, Signature) || count > EntriesMax)
        {
            return null;
        }

        var regions = ImmutableArray.CreateBuilder<VhdxRegion>((int)count);
        for (var i = 0; i < count; i++)
        {
            var entry = bytes.Slice(EntriesAt + (i * EntrySize), EntrySize);
            var offset = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]);
            regions.Add(new VhdxRegion(new Guid(entry[..16]), offset > long.MaxValue ? -1 : (long)offset, BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]),
                (BinaryPrimitives.ReadUInt32LittleEndian(entry[28..]) & 1) != 0));
        }

        return new VhdxRegionTable(regions.MoveToImmutable());
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        Signature.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Regions.Length);
        for (var i = 0; i < Regions.Length; i++)
        {
            var entry = bytes.AsSpan(EntriesAt + (i * EntrySize), EntrySize);
            Regions[i].Id.TryWriteBytes(entry);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], Regions[i].Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], Regions[i].Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[28..], Regions[i].IsRequired ? 1u : 0);
        }

        return VhdxFields.WithSum(bytes);
    }

    private static VhdxRegionTable? TryRead(IBlockDevice file, long offset)
    {
        var bytes = new byte[Size];
        file.Read(new GuestOffset(offset), bytes);
        return TryParse(bytes);
    }
}

/// <summary>One region of the file.</summary>
/// <param name="Id">Its kind.</param>
/// <param name="Offset">Its first byte; -1 for one that no file can have.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="IsRequired">Whether who does not know it must not open the image.</param>
internal sealed record VhdxRegion(Guid Id, long Offset, uint Length, bool IsRequired)
{
    public static readonly Guid TableId = new("2DC27766-F623-4200-9D64-115E9BFD4A08");
    public static readonly Guid MetadataId = new("8B7CA206-4790-4B9A-B8FE-575F050F886E");
}
