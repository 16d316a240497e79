using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>
/// Writes monolithicSparse: header, descriptor, the redundant directory and tables, the directory and tables, then grains as they come. Every table has
/// its place, as VMware's own; those without grains stay holes of the file. A table is written, twice, when the disk has moved past it.
/// </summary>
internal sealed class VmdkSparseWriter : IImageWriter
{
    public const string SubFormat = "monolithicSparse";
    private const int TableEntries = 512;
    private const int TableSectors = TableEntries * 4 / SectorSize;
    private const int SectorSize = VmdkHeader.SectorSize;
    private const int DirectoryPiece = 64 * 1024;

    private readonly IImageFile _file;
    private readonly AppendBuffer _append;
    private readonly VmdkGrainCollector _grains;
    private readonly VmdkHeader _header;
    private readonly byte[] _descriptor;
    private readonly int _grainBytes;
    private readonly byte[] _table = new byte[TableEntries * 4];
    private readonly long _directorySectors;
    private long _tableIndex = -1;
    private long _sector;

    public VmdkSparseWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        _file = file;
        Length = length;
        _grainBytes = VmdkGrainCollector.ChooseGrainBytes(options, file);
        var grainSectors = _grainBytes / SectorSize;
        var sectors = (length / SectorSize) + (length % SectorSize == 0 ? 0 : 1);
        var tables = (sectors + ((long)grainSectors * TableEntries) - 1) / ((long)grainSectors * TableEntries);
        _directorySectors = ((tables * 4) + SectorSize - 1) / SectorSize;
        var copySectors = _directorySectors + (tables * TableSectors);
        const int first = VmdkNewDescriptor.FirstSector + VmdkNewDescriptor.Sectors;
        var overhead = (first + (2 * copySectors) + grainSectors - 1) / grainSectors * grainSectors;
        if (sectors > (long)VmdkHeader.CapacityMax || overhead > uint.MaxValue)
        {
            throw VmdkDiagnostics.TooLarge.ToException($"{length} bytes: the grain tables alone take {overhead} sectors of a file that ends after {uint.MaxValue}", file.Name);
        }

        _header = new VmdkHeader
        {
            Version = 1,
            Flags = VmdkHeader.NewlineDetection | VmdkHeader.RedundantTables,
            Capacity = (ulong)sectors,
            GrainSectors = (ulong)grainSectors,
            DescriptorOffset = VmdkNewDescriptor.FirstSector,
            DescriptorSectors = VmdkNewDescriptor.Sectors,
            TableEntries = TableEntries,
            RedundantDirectory = first,
            Directory = (ulong)(first + copySectors),
            Overhead = (ulong)overhead,
        };
        _sector = overhead;
        _append = new AppendBuffer(file);
        _grains = new VmdkGrainCollector(file, length, _grainBytes, Put);
        _descriptor = VmdkNewDescriptor.ToBytes(file, sectors, SubFormat, "RW", options);
        if (!file.IsFresh)
        {
            file.WriteZeros(FileOffset.Zero, overhead * SectorSize); // tables without grains are never written
        }

        WriteDirectory(_header.RedundantDirectory);
        WriteDirectory(_header.Directory);
    }

    public long Length { get; }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => _grains.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => _grains.WriteZeros(offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        _grains.Flush();
        _append.Flush();
        FlushTable();
        cancellationToken.ThrowIfCancellationRequested();
        _file.SetLength(_sector * SectorSize);
        _file.Write(new FileOffset(SectorSize), _descriptor);
        _file.Write(FileOffset.Zero, _header.ToBytes()); // last: an interrupted image has none
        _file.Flush();
    }

    public void Dispose()
    {
    }

    private void WriteDirectory(ulong sector)
    {
        var piece = new byte[DirectoryPiece];
        var tables = _header.TableCount;
        for (long start = 0; start < tables; start += DirectoryPiece / 4)
        {
            var count = (int)Math.Min(DirectoryPiece / 4, tables - start);
            for (var i = 0; i < count; i++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(piece.AsSpan(i * 4), (uint)((long)sector + _directorySectors + ((start + i) * TableSectors)));
            }

            _file.Write(new FileOffset(((long)sector * SectorSize) + (start * 4)), piece.AsSpan(0, count * 4));
        }
    }

    private void Put(long firstGrain, ReadOnlySpan<byte> content)
    {
        var count = content.Length / _grainBytes;
        var grainSectors = (long)_header.GrainSectors;
        if (_sector + (count * grainSectors) > uint.MaxValue)
        {
            throw VmdkDiagnostics.TooLarge.ToException("a VMDK file ends after 2 TiB, and the content does not fit", _file.Name);
        }

        for (var i = 0; i < count; i++)
        {
            var grain = firstGrain + i;
            if (grain / TableEntries != _tableIndex)
            {
                FlushTable();
                _tableIndex = grain / TableEntries;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(_table.AsSpan((int)(grain % TableEntries) * 4), (uint)(_sector + (i * grainSectors)));
        }

        _append.Write(_sector * SectorSize, content);
        _sector += count * grainSectors;
    }

    private void FlushTable()
    {
        if (_tableIndex >= 0)
        {
            foreach (var directory in new[] { _header.RedundantDirectory, _header.Directory })
            {
                _file.Write(new FileOffset(((long)directory + _directorySectors + (_tableIndex * TableSectors)) * SectorSize), _table);
            }

            _table.AsSpan().Clear();
            _tableIndex = -1;
        }
    }
}
