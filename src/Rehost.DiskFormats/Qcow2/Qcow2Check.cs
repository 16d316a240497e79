using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using Rehost.Blocks;
using Rehost.Model;
using Use = Rehost.DiskFormats.Qcow2.Qcow2ReferenceMap.Use;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// Compares the reference counts that an image stores with the references in it, active and of snapshots. Works window by window of the file, so that
/// memory is bounded; each window walks the tables again, and nearly every image has one window.
/// </summary>
internal sealed class Qcow2Check
{
    private const int WindowsMax = 64;
    private const long EntriesMax = 1L << 36; // 4 PiB in clusters of 64 KiB; tables that refer to each other's clusters would never end
    private readonly IBlockDevice _file;
    private readonly IBlockDevice? _dataFile;
    private readonly string _name;
    private readonly Qcow2Metadata _metadata;
    private readonly Qcow2Header _header;
    private readonly Qcow2RefcountReader _counts;
    private readonly ImmutableArray<Diagnostic>.Builder _findings = ImmutableArray.CreateBuilder<Diagnostic>();
    private readonly HashSet<long> _windows = [0];
    private readonly long _fileClusters;
    private readonly byte[] _table;
    private Qcow2ReferenceMap _map;
    private bool _isFirstPass = true;
    private bool _isGivenUp;
    private long _entries;
    private long _errors;
    private long _leaks;
    private long _storedBytes;

    private Qcow2Check(IBlockDevice file, IBlockDevice? dataFile, string name, Qcow2Metadata metadata)
    {
        _file = file;
        _dataFile = dataFile;
        _name = name;
        _metadata = metadata;
        _header = metadata.Header;
        _counts = new Qcow2RefcountReader(file, _header);
        _fileClusters = (file.Length / _header.ClusterSize) + (file.Length % _header.ClusterSize == 0 ? 0 : 1);
        _table = new byte[Math.Min(_header.ClusterSize, 64 << 10)];
        _map = MakeWindow(0);
    }

    /// <summary>Checks an image; its backing file is not looked at.</summary>
    public static ImageCheckReport Run(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        using var file = request.File;
        var metadata = Qcow2Metadata.Read(file, request.FileName, acceptsCorrupt: true);
        using var dataFile = Qcow2References.OpenDataFile(request, metadata);
        return new Qcow2Check(file, dataFile, request.FileName, metadata).Run(cancellationToken);
    }

    private bool IsDirty => _header.Incompatible.HasFlag(Qcow2Features.Dirty);

    private ImageCheckReport Run(CancellationToken cancellationToken)
    {
        if (_header.Incompatible.HasFlag(Qcow2Features.Corrupt))
        {
            Error(Qcow2Diagnostics.MarkedCorrupt, "the corrupt bit is set in the header");
        }

        if (IsDirty)
        {
            _findings.Add(Qcow2Diagnostics.Dirty.Create("the dirty bit is set: reference counts may be stale and are made anew when the image is opened for writing, so that too low ones are no errors here", _name));
        }

        Walk(cancellationToken);
        Compare();
        _isFirstPass = false;
        if (_windows.Count > WindowsMax)
        {
            Error(Qcow2Diagnostics.NotChecked, $"references are spread over {_windows.Count} windows of {(long)Qcow2ReferenceMap.WindowClusters * _header.ClusterSize} bytes; {WindowsMax} are checked");
        }

        foreach (var window in _windows.Order().Take(WindowsMax).Where(window => window > 0))
        {
            _map = MakeWindow(window);
            Walk(cancellationToken);
            Compare();
        }

        return new ImageCheckReport(_findings.ToImmutable(), _errors, _leaks * _header.ClusterSize, _storedBytes);
    }

    private Qcow2ReferenceMap MakeWindow(long index)
    {
        var first = index * Qcow2ReferenceMap.WindowClusters;
        return new Qcow2ReferenceMap(first, (int)Math.Clamp(_fileClusters - first, 0, Qcow2ReferenceMap.WindowClusters));
    }

    /// <summary>Notes every reference of the image.</summary>
    private void Walk(CancellationToken cancellationToken)
    {
        _entries = 0;
        AddRange(0, 1, Use.Structure, "header");
        AddRange(_header.RefcountTable.Value, (long)_header.RefcountTableClusters * _header.ClusterSize, Use.Structure, "refcount table");
        AddRefcountBlocks();
        AddRange(_header.L1Table.Value, _header.L1Entries * 8L, Use.Structure, "L1 table");
        AddRange((long)Math.Min(_header.SnapshotsOffset, long.MaxValue >> 8), _metadata.SnapshotTableBytes, Use.Structure, "snapshot table");
        AddBitmaps();
        WalkL1(_header.L1Table.Value, _header.L1Entries, isActive: true, cancellationToken);
        foreach (var snapshot in _metadata.Snapshots)
        {
            AddRange(snapshot.L1Table.Value, snapshot.L1Entries * 8L, Use.Structure, $"L1 table of snapshot '{snapshot.Name}'");
            WalkL1(snapshot.L1Table.Value, snapshot.L1Entries, isActive: false, cancellationToken);
        }
    }

    private void AddRefcountBlocks()
    {
        if (!_counts.HasTable)
        {
            Error(Qcow2Diagnostics.BadTable, $"the refcount table of {_counts.TableEntries} entries lies at {_header.RefcountTable} in a file of {_file.Length} bytes");
            return;
        }

        for (var i = 0L; i < _counts.TableEntries; i++)
        {
            var entry = _counts.TableEntry(i);
            if (entry == 0)
            {
                continue;
            }

            if (!_counts.IsSound(entry))
            {
                Error(Qcow2Diagnostics.BadTable, $"entry {i} of the refcount table is 0x{entry:x16} in a file of {_file.Length} bytes");
                continue;
            }

            AddRange((long)entry, _header.ClusterSize, Use.Structure, "refcount block");
            if (_isFirstPass && i <= _fileClusters / _counts.CountsPerBlock)
            {
                AddWindows(i * _counts.CountsPerBlock, Math.Min((i + 1) * _counts.CountsPerBlock, _fileClusters));
            }
        }
    }

    private void AddBitmaps()
    {
        if (_metadata.Bitmaps.IsEmpty)
        {
            return;
        }

        var (offset, length) = Qcow2Bitmap.Directory(_metadata.Extensions, _file, _name);
        AddRange(offset, length, Use.Structure, "directory of bitmaps");
        foreach (var bitmap in _metadata.Bitmaps)
        {
            AddRange(bitmap.TableOffset, bitmap.TableEntries * 8L, Use.Structure, $"table of bitmap '{bitmap.Name}'");
            ForEachEntry(bitmap.TableOffset, bitmap.TableEntries, 1, (_, entry, _) =>
            {
                if ((long)(entry & Qcow2ClusterMap.OffsetMask) is var bits and not 0)
                {
                    AddCluster(bits, Use.Structure, $"bits of bitmap '{bitmap.Name}'");
                }
            });
        }
    }

    private void WalkL1(long table, int entries, bool isActive, CancellationToken cancellationToken)
    {
        var pages = new byte[Math.Min(64 << 10, entries * 8)];
        for (var done = 0; done < entries && !_isGivenUp; done += pages.Length / 8)
        {
            var page = pages.AsSpan(0, Math.Min(pages.Length, (entries - done) * 8));
            _file.Read(new GuestOffset(table + (done * 8L)), page);
            for (var i = 0; i < page.Length / 8 && !_isGivenUp; i++)
            {
                var entry = BinaryPrimitives.ReadUInt64BigEndian(page[(i * 8)..]);
                if (entry == 0)
                {
                    continue;
                }

                cancellationToken.ThrowIfCancellationRequested();
                var position = (done + i) * _header.L2Coverage;
                var l2 = (long)(entry & Qcow2ClusterMap.OffsetMask);
                if ((entry & Qcow2ClusterMap.L1ReservedMask) != 0 || l2 % _header.ClusterSize != 0 || l2 > _file.Length - _header.ClusterSize)
                {
                    Error(Qcow2Diagnostics.BadTable, $"the L1 entry for disk offset {position} is 0x{entry:x16} in a file of {_file.Length} bytes");
                }
                else if (l2 != 0)
                {
                    AddCluster(l2, Use.Table | CopiedUse(entry, isActive), "L2 table");
                    WalkL2(l2, position, isActive);
                }
            }
        }
    }

    private void WalkL2(long table, long firstPosition, bool isActive)
    {
        var width = _header.L2EntrySize / 8;
        ForEachEntry(table, _header.ClusterSize / 8 / width, width, (index, entry, bitmap) =>
        {
            if (entry == 0 && bitmap == 0)
            {
                return;
            }

            var position = firstPosition + (index * _header.ClusterSize);
            if ((entry & Qcow2ClusterMap.CompressedFlag) != 0)
            {
                AddCompressed(entry, bitmap, position, isActive);
            }
            else
            {
                AddPlain(entry, bitmap, position, isActive);
            }
        });
    }

    private void AddCompressed(ulong entry, ulong bitmap, long position, bool isActive)
    {
        var (offset, length) = Qcow2ClusterMap.CompressedRange(entry, _header.ClusterBits);
        if ((entry & Qcow2ClusterMap.CopiedFlag) != 0 || bitmap != 0 || offset == 0 || offset >= _file.Length || _dataFile is not null)
        {
            Error(Qcow2Diagnostics.BadTable, $"the L2 entry for disk offset {position} is 0x{entry:x16} and puts a compressed cluster at 0x{offset:x} in a file of {_file.Length} bytes");
            return;
        }

        AddRange(offset, Math.Min(length, _file.Length - offset), Use.Compressed, "compressed cluster");
        CountStored(position, isActive, _header.ClusterSize);
    }

    private void AddPlain(ulong entry, ulong bitmap, long position, bool isActive)
    {
        var offset = (long)(entry & Qcow2ClusterMap.OffsetMask);
        var (stored, zero) = ((uint)(bitmap & uint.MaxValue), (uint)(bitmap >> 32));
        var isAllocated = offset != 0 || (_dataFile is not null && (entry & Qcow2ClusterMap.CopiedFlag) != 0);
        var isZero = !_header.HasExtendedL2 && (entry & Qcow2ClusterMap.ZeroFlag) != 0;
        var isReservedSet = (entry & Qcow2ClusterMap.L2ReservedMask) != 0 || ((entry & Qcow2ClusterMap.ZeroFlag) != 0 && (_header.HasExtendedL2 || _header.Version < 3));
        var end = (_dataFile ?? _file).Length;
        var needsContent = isAllocated && !isZero && (!_header.HasExtendedL2 || stored != 0);
        if (isReservedSet || offset % _header.ClusterSize != 0 || (stored & zero) != 0 || (stored != 0 && !isAllocated) || (needsContent && offset >= end))
        {
            Error(Qcow2Diagnostics.BadTable, $"the L2 entry for disk offset {position} is 0x{entry:x16}{(_header.HasExtendedL2 ? $" with subclusters 0x{bitmap:x16}" : "")} in a file of {end} bytes");
            return;
        }

        if (!isAllocated)
        {
            return;
        }

        if (_dataFile is null && offset < _file.Length)
        {
            AddCluster(offset, Use.Data | CopiedUse(entry, isActive), "cluster");
        }

        if (needsContent)
        {
            CountStored(position, isActive, _header.HasExtendedL2 ? BitOperations.PopCount(stored) * (_header.ClusterSize / Qcow2ClusterMap.Subclusters) : _header.ClusterSize);
        }
    }

    private void CountStored(long position, bool isActive, int bytes)
    {
        if (isActive && _isFirstPass && position < _header.DiskLength)
        {
            _storedBytes += Math.Min(bytes, _header.DiskLength - position);
        }
    }

    /// <summary>Snapshots keep the flags that they were made with; only the active ones mean something.</summary>
    private static Use CopiedUse(ulong entry, bool isActive)
        => !isActive ? Use.None : (entry & Qcow2ClusterMap.CopiedFlag) != 0 ? Use.Copied : Use.Shared;

    private void ForEachEntry(long table, long entries, int width, Action<long, ulong, ulong> visit)
    {
        _entries += entries;
        if (_entries > EntriesMax)
        {
            if (!_isGivenUp)
            {
                Error(Qcow2Diagnostics.NotChecked, $"its tables have more than {EntriesMax} entries");
            }

            _isGivenUp = true;
            return;
        }

        var bytes = entries * width * 8;
        for (var done = 0L; done < bytes; done += _table.Length)
        {
            var page = _table.AsSpan(0, (int)Math.Min(_table.Length, bytes - done));
            _file.Read(new GuestOffset(table + done), page);
            var first = page.IndexOfAnyExcept((byte)0);
            for (var at = first < 0 ? page.Length : first / (width * 8) * (width * 8); at < page.Length; at += width * 8)
            {
                visit((done + at) / (width * 8), BinaryPrimitives.ReadUInt64BigEndian(page[at..]), width == 2 ? BinaryPrimitives.ReadUInt64BigEndian(page[(at + 8)..]) : 0);
            }
        }
    }

    private void AddCluster(long offset, Use use, string what)
    {
        if (offset % _header.ClusterSize != 0)
        {
            Error(Qcow2Diagnostics.BadTable, $"a {what} is said to lie at 0x{offset:x}, which is no multiple of {_header.ClusterSize}");
            return;
        }

        AddRange(offset, 1, use, what);
    }

    private void AddRange(long offset, long length, Use use, string what)
    {
        if (length == 0)
        {
            return;
        }

        if (offset >= _file.Length || length > _file.Length - offset)
        {
            Error(Qcow2Diagnostics.BadTable, $"a {what} of {length} bytes is said to lie at 0x{offset:x} in a file of {_file.Length} bytes");
            return;
        }

        var first = offset / _header.ClusterSize;
        var end = ((offset + length - 1) / _header.ClusterSize) + 1;
        _map.Add(first, end - first, use);
        AddWindows(first, end);
    }

    private void AddWindows(long first, long end)
    {
        for (var window = first / Qcow2ReferenceMap.WindowClusters; _isFirstPass && window * Qcow2ReferenceMap.WindowClusters < end && _windows.Count <= WindowsMax; window++)
        {
            _windows.Add(window);
        }
    }

    /// <summary>Compares what was noted with what is stored.</summary>
    private void Compare()
    {
        for (var cluster = _map.First; cluster < _map.End;)
        {
            var block = cluster / _counts.CountsPerBlock;
            var end = Math.Min(_map.End, (block + 1) * _counts.CountsPerBlock);
            var entry = _counts.HasTable && block < _counts.TableEntries ? _counts.TableEntry(block) : 0;
            var hasBlock = entry != 0 && _counts.IsSound(entry);
            for (; cluster < end; cluster++)
            {
                CompareCluster(cluster, hasBlock ? _counts.Count((long)entry, cluster % _counts.CountsPerBlock) : 0);
            }
        }
    }

    private void CompareCluster(long cluster, ulong stored)
    {
        var used = _map.CountOf(cluster);
        if (used == 0 && stored == 0)
        {
            return;
        }

        var use = _map.UseOf(cluster);
        var where = $"cluster {cluster} (file offset 0x{cluster * _header.ClusterSize:x})";
        var kinds = use & (Use.Structure | Use.Table | Use.Data | Use.Compressed);
        if (BitOperations.PopCount((uint)kinds) > 1 || (use.HasFlag(Use.Structure) && used > 1))
        {
            Note(Qcow2Diagnostics.Overlap, $"{where} is used {used} times, as {kinds}", isError: true);
        }

        if (stored < used && !IsDirty)
        {
            Note(Qcow2Diagnostics.CountTooLow, $"{where} is used {used} times and counted {stored} times", isError: true);
        }
        else if (stored > used)
        {
            _leaks += used == 0 ? 1 : 0;
            Note(Qcow2Diagnostics.Leak, $"{where} is used {used} times and counted {stored} times", isError: false);
        }

        if (!IsDirty && use.HasFlag(stored == 1 ? Use.Shared : Use.Copied))
        {
            Note(Qcow2Diagnostics.CopiedFlag, $"{where} is counted {stored} times, and the copied flag of a reference to it says {(stored == 1 ? "more than once" : "once")}", isError: true);
        }
    }

    /// <summary>A finding of the walk, which is the same in every pass.</summary>
    private void Error(DiagnosticDescriptor descriptor, string message)
    {
        if (_isFirstPass || descriptor == Qcow2Diagnostics.NotChecked)
        {
            Note(descriptor, message, isError: true);
        }
    }

    private void Note(DiagnosticDescriptor descriptor, string message, bool isError)
    {
        _errors += isError ? 1 : 0;
        if (_findings.Count < ImageCheckReport.FindingLimit)
        {
            _findings.Add(descriptor.Create(message, _name));
        }
    }
}
