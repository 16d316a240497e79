using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.BlockMaps;

namespace Rehost.DiskFormats.Vhd;

/// <summary>
/// Writes a dynamic VHD: footer copy, header, table, XenServer's batmap where it is for XenServer, blocks, footer. The content of blocks lies on 4 KiB
/// borders, as tapdisk lays them out, and bitmaps are full.
/// </summary>
internal sealed class VhdWriter : SparseBlockWriter
{
    public const int BlockSize = 2 << 20;
    public const long LengthMax = 2040L << 30; // where sector numbers of 32 bits end, less what the format reserves
    private const int DataAlignment = 4096;
    private const int HeaderAt = VhdFooter.Size;
    private const int TableAt = HeaderAt + VhdDynamicHeader.Size;

    private readonly VhdFooter _footer;
    private readonly VhdDynamicHeader _header;
    private readonly TableWriter _table;
    private readonly byte[]? _batmap;
    private readonly byte[] _bitmap;
    private long _next;

    public VhdWriter(IImageFile file, long length, VhdSubFormat kind, Guid uniqueId)
        : base(file, length, BlockSize)
    {
        _footer = kind.FooterFor(length, uniqueId);
        var blocks = ((long)_footer.CurrentSize + BlockSize - 1) / BlockSize;
        _header = new VhdDynamicHeader { TableOffset = TableAt, TableEntries = (uint)blocks, BlockSize = BlockSize };
        _bitmap = new byte[_header.BitmapBytes];
        _bitmap.AsSpan().Fill(0xff);
        _next = VhdBatmap.HeaderOffset(_header);
        _table = new TableWriter(file, TableAt, _next - TableAt, sizeof(uint), fill: 0xff);
        if (kind.HasBatmap)
        {
            _batmap = new byte[Math.Max(1, ((blocks + 7) / 8 + 511) / 512) * 512];
            _next += VhdBatmap.HeaderSize + _batmap.Length;
        }
    }

    /// <summary>Throws for a disk that the format cannot hold.</summary>
    public static void CheckLength(long length, string fileName)
    {
        if (length > LengthMax)
        {
            throw VhdDiagnostics.TooLarge.ToException($"{length} bytes; at most {LengthMax} (2040 GiB) can be held", fileName);
        }
    }

    protected override long Allocate(long block)
    {
        var data = (_next + _bitmap.Length + DataAlignment - 1) / DataAlignment * DataAlignment;
        var start = data - _bitmap.Length;
        Append(start, _bitmap);
        Span<byte> entry = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(entry, (uint)(start / 512));
        _table.Set(block, entry);
        if (_batmap is not null)
        {
            _batmap[block / 8] |= (byte)(0x80 >> (int)(block % 8));
        }

        _next = data + BlockSize;
        return data;
    }

    protected override void Finish(CancellationToken cancellationToken)
    {
        _table.Complete(cancellationToken);
        if (_batmap is not null)
        {
            var at = VhdBatmap.HeaderOffset(_header);
            Container.Write(new FileOffset(at), VhdBatmap.HeaderFor(at + VhdBatmap.HeaderSize, _batmap));
            Container.Write(new FileOffset(at + VhdBatmap.HeaderSize), _batmap);
        }

        var footer = _footer.ToBytes();
        Container.SetLength(_next + footer.Length);
        Container.Write(new FileOffset(_next), footer);
        Container.Write(new FileOffset(HeaderAt), _header.ToBytes());
        Container.Write(FileOffset.Zero, footer);
    }
}
