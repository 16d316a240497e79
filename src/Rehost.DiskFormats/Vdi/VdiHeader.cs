using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Vdi;

/// <summary>The headers of a VDI of version 1.1 (little endian): 64 bytes of text, signature and version, then a header that says its own size.</summary>
internal sealed record VdiHeader
{
    public const int BytesRead = 512;
    public const uint Signature = 0xbeda_107f;
    public const uint Version11 = 0x0001_0001;
    public const uint TypeDynamic = 1;
    public const uint TypeFixed = 2;
    public const uint TypeDifferencing = 4;
    public const int BlockSizeMax = 256 << 20;
    public const uint HeaderSizeNow = 400;
    private const uint HeaderSizeFirst = 384; // without the second geometry
    private const int HeaderAt = 72;
    private const int CommentAt = 84;
    private const int CommentBytes = 256;
    private const int FieldsEnd = 456; // where the second geometry starts

    /// <summary>What stands at the start of the file; people read it, nobody else.</summary>
    public ImmutableArray<byte> Text { get; init; } = TextOf("<<< Oracle VM VirtualBox Disk Image >>>\n");

    public uint Version { get; init; } = Version11;

    public uint HeaderSize { get; init; } = HeaderSizeNow;

    public required uint Type { get; init; }

    public uint Flags { get; init; }

    public ImmutableArray<byte> Comment { get; init; } = [.. new byte[CommentBytes]];

    public required uint TableOffset { get; init; }

    public required uint DataOffset { get; init; }

    /// <summary>Cylinders, heads, sectors.</summary>
    public ImmutableArray<uint> Geometry { get; init; } = [0, 0, 0];

    public uint SectorSize { get; init; } = 512;

    public uint Unused { get; init; }

    public required ulong DiskSize { get; init; }

    public required uint BlockSize { get; init; }

    /// <summary>Bytes before the data of each block.</summary>
    public uint BlockExtra { get; init; }

    public required uint Blocks { get; init; }

    public required uint AllocatedBlocks { get; init; }

    public Guid UniqueId { get; init; }

    public Guid ModificationId { get; init; }

    public Guid ParentId { get; init; }

    public Guid ParentModificationId { get; init; }

    /// <summary>What follows up to 512 bytes: the second geometry.</summary>
    public ImmutableArray<byte> Rest { get; init; } = [.. new byte[BytesRead - FieldsEnd]];

    /// <summary>From one block to the next in the file.</summary>
    public long Stride => (long)BlockSize + BlockExtra;

    /// <summary>Whether bytes start like a VDI.</summary>
    public static bool HasSignature(ReadOnlySpan<byte> bytes) => bytes.Length >= HeaderAt && BinaryPrimitives.ReadUInt32LittleEndian(bytes[64..]) == Signature;

    /// <summary>Reads and checks the header.</summary>
    public static VdiHeader Read(IBlockDevice file, string name)
    {
        if (file.Length < BytesRead)
        {
            throw VdiDiagnostics.BadHeader.ToException($"the file has {file.Length} bytes, the headers have {BytesRead}", name);
        }

        Span<byte> bytes = stackalloc byte[BytesRead];
        file.Read(GuestOffset.Zero, bytes);
        Demand(HasSignature(bytes), "another signature", name);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[68..]);
        if (version >> 16 != 1)
        {
            throw VdiDiagnostics.Unsupported.ToException($"version {version >> 16}.{version & 0xffff}; 1.x is read, which VirtualBox writes since 1.6 of 2008", name);
        }

        var header = Parse(bytes);
        header.Check(file, name);
        return header;
    }

    public static VdiHeader Parse(ReadOnlySpan<byte> bytes) => new()
    {
        Text = [.. bytes[..64]],
        Version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[68..]),
        HeaderSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[HeaderAt..]),
        Type = BinaryPrimitives.ReadUInt32LittleEndian(bytes[76..]),
        Flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[80..]),
        Comment = [.. bytes.Slice(CommentAt, CommentBytes)],
        TableOffset = BinaryPrimitives.ReadUInt32LittleEndian(bytes[340..]),
        DataOffset = BinaryPrimitives.ReadUInt32LittleEndian(bytes[344..]),
        Geometry = [BinaryPrimitives.ReadUInt32LittleEndian(bytes[348..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[352..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[356..])],
        SectorSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[360..]),
        Unused = BinaryPrimitives.ReadUInt32LittleEndian(bytes[364..]),
        DiskSize = BinaryPrimitives.ReadUInt64LittleEndian(bytes[368..]),
        BlockSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[376..]),
        BlockExtra = BinaryPrimitives.ReadUInt32LittleEndian(bytes[380..]),
        Blocks = BinaryPrimitives.ReadUInt32LittleEndian(bytes[384..]),
        AllocatedBlocks = BinaryPrimitives.ReadUInt32LittleEndian(bytes[388..]),
        UniqueId = new Guid(bytes.Slice(392, 16)),
        ModificationId = new Guid(bytes.Slice(408, 16)),
        ParentId = new Guid(bytes.Slice(424, 16)),
        ParentModificationId = new Guid(bytes.Slice(440, 16)),
        Rest = [.. bytes[FieldsEnd..BytesRead]],
    };

    public byte[] ToBytes()
    {
        var bytes = new byte[BytesRead];
        Text.AsSpan().CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(64), Signature);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(68), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(HeaderAt), HeaderSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(76), Type);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(80), Flags);
        Comment.AsSpan().CopyTo(bytes.AsSpan(CommentAt));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(340), TableOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(344), DataOffset);
        for (var i = 0; i < 3; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(348 + (i * 4)), Geometry[i]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(360), SectorSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(364), Unused);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(368), DiskSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(376), BlockSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(380), BlockExtra);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(384), Blocks);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(388), AllocatedBlocks);
        UniqueId.TryWriteBytes(bytes.AsSpan(392));
        ModificationId.TryWriteBytes(bytes.AsSpan(408));
        ParentId.TryWriteBytes(bytes.AsSpan(424));
        ParentModificationId.TryWriteBytes(bytes.AsSpan(440));
        Rest.AsSpan().CopyTo(bytes.AsSpan(FieldsEnd));
        return bytes;
    }

    private static ImmutableArray<byte> TextOf(string text)
    {
        var bytes = new byte[64];
        System.Text.Encoding.ASCII.GetBytes(text, bytes);
        return [.. bytes];
    }

    private static void Demand(bool condition, string found, string name)
    {
        if (!condition)
        {
            throw VdiDiagnostics.BadHeader.ToException($"the header tells of {found}", name);
        }
    }

    private void Check(IBlockDevice file, string name)
    {
        if (Type is not (TypeDynamic or TypeFixed or TypeDifferencing))
        {
            throw VdiDiagnostics.Unsupported.ToException($"type {Type}; dynamic (1), fixed (2) and differencing (4) are read, undo images (3) are not", name);
        }

        if (SectorSize != 512)
        {
            throw VdiDiagnostics.Unsupported.ToException($"sectors of {SectorSize} bytes; 512 are read", name);
        }

        Demand(HeaderSize >= HeaderSizeFirst, $"a header of {HeaderSize} bytes; at least {HeaderSizeFirst} are needed", name);
        Demand(BlockSize >= 512 && BlockSize <= BlockSizeMax && (BlockSize & (BlockSize - 1)) == 0, $"blocks of {BlockSize} bytes; powers of two from 512 to {BlockSizeMax} are read", name);
        Demand(BlockExtra <= BlockSizeMax, $"{BlockExtra} bytes before each block", name);
        Demand(DiskSize <= long.MaxValue >> 8, $"a disk of {DiskSize} bytes", name);
        var needed = (DiskSize / BlockSize) + (DiskSize % BlockSize == 0 ? 0UL : 1);
        Demand(Blocks >= needed, $"a table of {Blocks} blocks where {needed} are needed", name);
        Demand(TableOffset <= file.Length && needed * 4 <= (ulong)(file.Length - TableOffset), $"a table of {Blocks} blocks at 0x{TableOffset:x} in a file of {file.Length} bytes", name);
        Demand(TableOffset >= HeaderAt + HeaderSize || needed == 0, $"a table at 0x{TableOffset:x} inside the header", name);
    }
}
