using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Fat;

/// <summary>A FAT12, FAT16 or FAT32 file system with long names, read and written by our own code. Uses the device, does not own it.</summary>
/// <remarks>FAT has no inodes: a node is the place of its entry, or, once it was renamed, a number of ours. Numbers hold while the file system is open.</remarks>
public sealed partial class FatFileSystem : IFileSystem
{
    private const int DirectoriesInMemory = 32;
    private const int ChainsInMemory = 16;
    private const uint RunningDirty = 2; // two bits of the second entry of the table: not clean, errors
    private readonly IBlockDevice _device;
    private readonly FatBootSector _boot;
    private readonly PageCache _cache;
    private readonly FatTable _table;
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, FatDirectory> _directories = [];
    private readonly Dictionary<uint, List<uint>> _chains = [];
    private readonly NodePlaces _places = new();
    private readonly DateTimeOffset _timestamp;

    /// <summary>While a change is under way nothing may be read anew, or there would be two of it.</summary>
    private bool _inOperation;

    private FatFileSystem(IBlockDevice device, FatBootSector boot, FileSystemOpenOptions options)
    {
        _device = device;
        _boot = boot;
        _cache = new PageCache(device);
        _table = new FatTable(boot, _cache);
        _timestamp = options.Timestamp ?? RootDirectory.NewestChange;
    }

    /// <inheritdoc/>
    public FileSystemInfo Info
    {
        get
        {
            var total = (long)_boot.TotalSectors * _boot.BytesPerSector;
            return new FileSystemInfo
            {
                Type = "vfat",
                Label = FindLabel(),
                Uuid = _boot.Serial is { } serial ? string.Create(CultureInfo.InvariantCulture, $"{serial >> 16:X4}-{serial & 0xFFFF:X4}") : null,
                TotalBytes = total,
                UsedBytes = total - (_table.FreeCount * _boot.ClusterSize),
                BlockSize = _boot.ClusterSize,
                Features = [$"FAT{_boot.Bits}"],
                Capabilities = FileSystemCapabilities.None,
                IsClean = !IsDirty(),
                ReadOnlyReason = ReadOnlyReason,
            };
        }
    }

    /// <inheritdoc/>
    public NodeId Root => default;

    private string? ReadOnlyReason => _device.CanWrite ? null : "the device was opened for reading";

    private FatDirectory RootDirectory => OpenDirectory(0);

    /// <summary>Whether a device holds a FAT file system: a boot sector whose parameters make sense.</summary>
    public static bool Identify(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return FatBootSector.Identify(device);
    }

    /// <summary>Opens a file system.</summary>
    /// <exception cref="DiagnosticException">The file system is damaged (FAT0xx).</exception>
    public static FatFileSystem Open(IBlockDevice device, FileSystemOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(options);
        return new FatFileSystem(device, FatBootSector.Read(device), options);
    }

    /// <inheritdoc/>
    public NodeMetadata GetMetadata(NodeId node)
    {
        const int directoryMode = 0x1ED;
        const int fileMode = 0x1A4;
        const int writeBits = 0x92;
        if (node == Root)
        {
            return new NodeMetadata(node, NodeKind.Directory, directoryMode, 0, 0, 0, 1, RootDirectory.NewestChange);
        }

        var entry = ReadEntry(node);
        var mode = (entry.IsDirectory ? directoryMode : fileMode) & ((entry.Attributes & FatEntry.ReadOnly) != 0 ? ~writeBits : ~0);
        return new NodeMetadata(node, entry.IsDirectory ? NodeKind.Directory : NodeKind.File, mode, 0, 0, entry.IsDirectory ? 0 : entry.Length, 1, entry.Modified);
    }

    /// <inheritdoc/>
    public IEnumerable<DirectoryEntry> List(NodeId directory) => [.. GetDirectory(directory).Names.Select(ToEntry)];

    /// <inheritdoc/>
    public DirectoryEntry? Lookup(NodeId directory, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return GetDirectory(directory).Find(name) is { } found ? ToEntry(found) : null;
    }

    /// <inheritdoc/>
    public int Read(NodeId file, long offset, Span<byte> buffer)
    {
        var entry = GetFile(file);
        if (offset < 0 || offset >= entry.Length)
        {
            return 0;
        }

        buffer = buffer[..(int)Math.Min(buffer.Length, entry.Length - offset)];
        ReadChain(ChainOf(entry), offset, buffer, Where(file));
        return buffer.Length;
    }

    /// <inheritdoc/>
    public string ReadLink(NodeId link) => throw FileSystemDiagnostics.WrongKind.ToException("a symbolic link is needed, and FAT has none", Where(link));

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node) => new Dictionary<string, byte[]>();

    /// <inheritdoc/>
    public IEnumerable<ByteRange> GetFreeRanges()
        => _table.FreeRuns().Select(run => new ByteRange(_boot.ClusterOffset(run.First), (long)run.Count * _boot.ClusterSize));

    /// <inheritdoc/>
    public IReadOnlyList<Diagnostic> Check()
    {
        var findings = new List<Diagnostic>();
        if (_table.FindDifferentCopy() is { } copy)
        {
            findings.Add(FatDiagnostics.CopiesDiffer.Create($"copy {copy} differs from copy {_boot.ActiveFat}"));
        }

        if (FreeSpaceInfo.Read(_boot, _cache) is { FreeCount: not uint.MaxValue } info && info.FreeCount != _table.FreeCount)
        {
            findings.Add(FatDiagnostics.WrongCount.Create($"{info.FreeCount} clusters are said to be free, {_table.FreeCount} are"));
        }

        if (IsDirty())
        {
            findings.Add(FatDiagnostics.Dirty.Create("the volume is marked as in use"));
        }

        try
        {
            _ = RootDirectory;
        }
        catch (DiagnosticException e)
        {
            findings.Add(e.Diagnostic);
        }

        return findings;
    }

    /// <summary>Forgets what was not flushed; the device stays open.</summary>
    public void Dispose()
    {
    }

    private static string Where(NodeId node) => $"node {node.Value}";

    private string? FindLabel()
    {
        var stored = RootDirectory.Label ?? _boot.Label;
        if (stored is null)
        {
            return null;
        }

        var text = OemCodePage.Decode(stored[0] == 0x05 ? [0xE5, .. stored[1..]] : stored).TrimEnd(' ', '\0');
        return text.Length == 0 || (RootDirectory.Label is null && text == "NO NAME") ? null : text;
    }

    /// <summary>Linux marks the boot sector, Windows the table.</summary>
    private bool IsDirty()
    {
        if (_boot.IsMarkedDirty)
        {
            return true;
        }

        var top = _boot.Bits switch { 16 => 14, 32 => 26, _ => -1 };
        return top >= 0 && ((_table.Get(1) >> top) & 3 & RunningDirty) == 0;
    }

    private DirectoryEntry ToEntry(FatName name) => new(name.Name, _places.NodeAt(name.Location), name.IsDirectory ? NodeKind.Directory : NodeKind.File);

    private FatEntry ReadEntry(NodeId node)
    {
        var location = _places.LocationOf(node);
        if (location < FatEntry.Size || location > _device.Length - FatEntry.Size)
        {
            throw FileSystemDiagnostics.NotFound.ToException("there is no such entry", Where(node));
        }

        var entry = new FatEntry(new byte[FatEntry.Size], _boot.Bits);
        _cache.Read(location, entry.Raw);
        return entry.Raw[0] is 0 or FatEntry.Deleted || (entry.Attributes & FatEntry.VolumeLabel) != 0
            ? throw FileSystemDiagnostics.NotFound.ToException("the entry was removed", Where(node))
            : entry;
    }

    private FatEntry GetFile(NodeId node)
    {
        var entry = node == Root ? null : ReadEntry(node);
        return entry is { IsDirectory: false }
            ? entry
            : throw FileSystemDiagnostics.WrongKind.ToException("a regular file is needed, it is a directory", Where(node));
    }

    private FatDirectory GetDirectory(NodeId node)
    {
        if (node == Root)
        {
            return RootDirectory;
        }

        var entry = ReadEntry(node);
        if (!entry.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("a directory is needed, it is a regular file", Where(node));
        }

        return entry.FirstCluster == 0 ? throw FatDiagnostics.BadDirectory.ToException("the directory has no clusters", Where(node)) : OpenDirectory(entry.FirstCluster);
    }

    private FatDirectory OpenDirectory(uint cluster)
    {
        lock (_gate)
        {
            var key = _boot.Bits == 32 && cluster == _boot.RootCluster ? 0 : cluster;
            if (_directories.TryGetValue(key, out var known))
            {
                return known;
            }

            if (_directories.Count >= DirectoriesInMemory && !_inOperation)
            {
                _directories.Clear();
            }

            return _directories[key] = new FatDirectory(_boot, _table, _cache, cluster);
        }
    }

    private List<uint> ChainOf(FatEntry entry)
    {
        lock (_gate)
        {
            var first = entry.FirstCluster;
            if (_chains.TryGetValue(first, out var known))
            {
                return known;
            }

            if (_chains.Count >= ChainsInMemory && !_inOperation)
            {
                _chains.Clear();
            }

            return _chains[first] = _table.Chain(first, ((long)uint.MaxValue / _boot.ClusterSize) + 1, $"file at cluster {first}");
        }
    }

    private void ReadChain(List<uint> chain, long offset, Span<byte> buffer, string where)
    {
        while (!buffer.IsEmpty)
        {
            var (start, count) = Run(chain, offset, buffer.Length, where);
            _cache.ReadContent(start, buffer[..count]);
            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>Where a part of a file lies on the device, and how much of it lies there in one piece.</summary>
    private (long Start, int Count) Run(List<uint> chain, long offset, int most, string where)
    {
        var index = (int)(offset / _boot.ClusterSize);
        if (index >= chain.Count)
        {
            throw FatDiagnostics.BadChain.ToException($"byte {offset} is needed, and the chain has {chain.Count} clusters of {_boot.ClusterSize} bytes", where);
        }

        var within = offset % _boot.ClusterSize;
        var count = _boot.ClusterSize - within;
        for (var next = index + 1; next < chain.Count && count < most && chain[next] == chain[next - 1] + 1; next++)
        {
            count += _boot.ClusterSize;
        }

        return (_boot.ClusterOffset(chain[index]) + within, (int)Math.Min(count, most));
    }
}
