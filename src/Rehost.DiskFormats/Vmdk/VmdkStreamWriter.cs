using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Compression;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>
/// Writes streamOptimized: what OVF packages carry. Strictly appended: header and descriptor, then grains in ascending order, each behind its marker, a
/// table behind the grains it describes, at last directory, footer and end. Grains are deflated on all processors; all are, also those that do not
/// shrink, because the format has no other kind. One table and the directory are in memory.
/// </summary>
internal sealed class VmdkStreamWriter : IImageWriter
{
    public const string SubFormat = "streamOptimized";
    private const int TableEntries = 512;
    private const int TableSectors = TableEntries * 4 / SectorSize;
    private const int SectorSize = VmdkHeader.SectorSize;
    private const int FirstGrainSector = 128;

    /// <summary>libdeflate's: about zlib's size at its default level, in half of its time (docs/formats/vmdk.md).</summary>
    private const int Level = 5;

    private readonly IImageFile _file;
    private readonly AppendBuffer _append;
    private readonly VmdkGrainCollector _grains;
    private readonly OrderedCompressor _compressor;
    private readonly VmdkHeader _header;
    private readonly int _grainBytes;
    private readonly byte[] _directory;
    private readonly byte[] _table = new byte[TableEntries * 4];
    private readonly byte[] _piece;
    private long _tableIndex = -1;
    private long _sector;

    public VmdkStreamWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        _file = file;
        Length = length;
        _grainBytes = VmdkGrainCollector.ChooseGrainBytes(options, file);
        var sectors = (length / SectorSize) + (length % SectorSize == 0 ? 0 : 1);
        _header = new VmdkHeader
        {
            Version = 3,
            Flags = VmdkHeader.NewlineDetection | VmdkHeader.Compressed | VmdkHeader.Markers,
            Capacity = (ulong)sectors,
            GrainSectors = (ulong)(_grainBytes / SectorSize),
            DescriptorOffset = VmdkNewDescriptor.FirstSector,
            DescriptorSectors = VmdkNewDescriptor.Sectors,
            TableEntries = TableEntries,
            Directory = VmdkHeader.DirectoryAtEnd,
            Overhead = FirstGrainSector,
            CompressAlgorithm = VmdkHeader.Deflate,
        };
        if (sectors > (long)VmdkHeader.CapacityMax || _header.TableCount > int.MaxValue / 8)
        {
            throw VmdkDiagnostics.TooLarge.ToException($"{length} bytes; at most {VmdkHeader.CapacityMax} sectors and {int.MaxValue / 8} grain tables can be held", file.Name);
        }

        _directory = new byte[RoundUp((int)_header.TableCount * 4)];
        _piece = new byte[RoundUp(VmdkMarker.GrainHeaderSize + DeflateCompressor.Bound(_grainBytes))];
        _append = new AppendBuffer(file);
        _compressor = new OrderedCompressor(() => new DeflateCompressor(Level), _grainBytes, DeflateCompressor.Bound(_grainBytes), Put);
        _grains = new VmdkGrainCollector(file, length, _grainBytes, (first, content) =>
        {
            for (var at = 0; at < content.Length; at += _grainBytes)
            {
                _compressor.Submit(first++, content.Slice(at, _grainBytes));
            }
        });
        Append(_header.ToBytes());
        Append(VmdkNewDescriptor.ToBytes(file, sectors, SubFormat, "RDONLY", options));
        Append(new byte[(FirstGrainSector * SectorSize) - (int)(_sector * SectorSize)]);
    }

    public long Length { get; }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => _grains.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => _grains.WriteZeros(offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        _grains.Flush();
        _compressor.Drain();
        cancellationToken.ThrowIfCancellationRequested();
        FlushTable();
        AppendMarker(VmdkMarkerKind.GrainDirectory, _directory.Length / SectorSize);
        var directorySector = _sector;
        Append(_directory);
        AppendMarker(VmdkMarkerKind.Footer, 1);
        Append((_header with { Directory = (ulong)directorySector }).ToBytes());
        AppendMarker(VmdkMarkerKind.EndOfStream, 0);
        _append.Flush();
        _file.Flush();
    }

    public void Dispose() => _compressor.Dispose();

    private static int RoundUp(int bytes) => (bytes + SectorSize - 1) / SectorSize * SectorSize;

    private void Put(long grain, ReadOnlySpan<byte> content, bool isCompressed)
    {
        if (!isCompressed)
        {
            throw new InvalidOperationException("deflate needed more room than stored blocks take");
        }

        if (grain / TableEntries != _tableIndex)
        {
            FlushTable();
            _tableIndex = grain / TableEntries;
        }

        if (_sector > uint.MaxValue - TableEntries)
        {
            throw VmdkDiagnostics.TooLarge.ToException("a VMDK file ends after 2 TiB, and the compressed content does not fit", _file.Name);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(_table.AsSpan((int)(grain % TableEntries) * 4), (uint)_sector);
        new VmdkMarker((ulong)grain * _header.GrainSectors, (uint)content.Length, default).WriteTo(_piece);
        content.CopyTo(_piece.AsSpan(VmdkMarker.GrainHeaderSize));
        var end = VmdkMarker.GrainHeaderSize + content.Length;
        _piece.AsSpan(end, RoundUp(end) - end).Clear();
        Append(_piece.AsSpan(0, RoundUp(end)));
    }

    private void FlushTable()
    {
        if (_tableIndex >= 0)
        {
            AppendMarker(VmdkMarkerKind.GrainTable, TableSectors);
            BinaryPrimitives.WriteUInt32LittleEndian(_directory.AsSpan((int)_tableIndex * 4), (uint)_sector);
            Append(_table);
            _table.AsSpan().Clear();
            _tableIndex = -1;
        }
    }

    private void AppendMarker(VmdkMarkerKind kind, long sectors)
    {
        Span<byte> marker = stackalloc byte[SectorSize];
        marker.Clear();
        new VmdkMarker((ulong)sectors, 0, kind).WriteTo(marker);
        Append(marker);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        _append.Write(_sector * SectorSize, bytes);
        _sector += bytes.Length / SectorSize;
    }
}
