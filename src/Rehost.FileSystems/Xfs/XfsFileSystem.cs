using Rehost.Blocks;
using Rehost.FileSystems.Xfs.Recovery;
using Rehost.FileSystems.Xfs.Writing;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>XFS, versions 4 and 5, read and written by our own code. A node's number is the inode's. Uses the device, does not own it.</summary>
public sealed partial class XfsFileSystem : IFileSystem
{
    private const int LookupLimit = 64;

    private XfsVolume _volume;
    private readonly bool _wasRecovered;
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Dictionary<string, DirectoryEntry>> _names = [];

    private XfsFileSystem(IBlockDevice device, XfsSuperblock superblock, FileSystemOpenOptions options, bool wasRecovered)
    {
        _wasRecovered = wasRecovered;
        _device = device;
        _cache = new PageCache(device);
        _view = new CacheDevice(_cache);
        _superblock = superblock;
        _volume = new XfsVolume(_view, superblock);
        Root = new NodeId(superblock.RootInode);
        _readOnlyReason = superblock.FindReadOnlyReason();
        _timestamp = options.Timestamp;
    }

    /// <inheritdoc/>
    public FileSystemInfo Info
    {
        get
        {
            var superblock = _superblock;
            var total = (long)superblock.DataBlocks * superblock.BlockSize;
            return new FileSystemInfo
            {
                Type = "xfs",
                Label = superblock.Label.Length > 0 ? superblock.Label : null,
                Uuid = superblock.Uuid.ToString(),
                TotalBytes = total,
                UsedBytes = total - (long)(Math.Min(_editor?.FreeBlocks ?? superblock.FreeBlocks, superblock.DataBlocks) * (ulong)superblock.BlockSize),
                BlockSize = superblock.BlockSize,
                Features = superblock.Features,
                WasRecovered = _wasRecovered,
                ReadOnlyReason = _readOnlyReason,
            };
        }
    }

    /// <inheritdoc/>
    public NodeId Root { get; }

    /// <summary>Opens a file system.</summary>
    /// <param name="device">The device; not owned.</param>
    /// <param name="options">The time to record.</param>
    /// <exception cref="DiagnosticException">It is damaged, not cleanly unmounted and the device is not writable (XFS008) or its log cannot be replayed (XFS010), or it uses what is not supported.</exception>
    public static XfsFileSystem Open(IBlockDevice device, FileSystemOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(options);
        var volume = new XfsVolume(device, XfsSuperblock.Read(device));
        var isClean = XfsLog.IsClean(volume);
        if (!isClean)
        {
            volume = new XfsVolume(device, LogRecovery.Run(device, volume.Superblock, options.Timestamp));
        }

        return volume.ReadInode(volume.Superblock.RootInode).Kind == NodeKind.Directory
            ? new XfsFileSystem(device, volume.Superblock, options, !isClean)
            : throw XfsDiagnostics.BadInode.ToException("the root is no directory", $"inode {volume.Superblock.RootInode}");
    }

    /// <inheritdoc/>
    public NodeMetadata GetMetadata(NodeId node) => _volume.ReadInode(node.Value).ToMetadata(node);

    /// <inheritdoc/>
    public IEnumerable<DirectoryEntry> List(NodeId directory)
    {
        var inode = _volume.ReadInode(directory.Value);
        return inode.Kind == NodeKind.Directory ? XfsDirectory.List(_volume, inode) : [];
    }

    /// <inheritdoc/>
    public DirectoryEntry? Lookup(NodeId directory, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_gate)
        {
            if (!_names.TryGetValue(directory.Value, out var names))
            {
                if (_names.Count >= LookupLimit)
                {
                    _names.Clear();
                }

                names = new Dictionary<string, DirectoryEntry>(_volume.Superblock.IsCaseInsensitive ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
                foreach (var entry in List(directory))
                {
                    names.TryAdd(entry.Name, entry);
                }

                _names.Add(directory.Value, names);
            }

            return names.TryGetValue(name, out var found) ? found : null;
        }
    }

    /// <inheritdoc/>
    public int Read(NodeId file, long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var inode = _volume.ReadInode(file.Value);
        if (inode.Kind != NodeKind.File || offset >= inode.Length)
        {
            return 0;
        }

        if (inode.IsRealtime)
        {
            throw XfsDiagnostics.RealtimeFile.ToException("its content is on another device", $"inode {inode.Number}");
        }

        var count = (int)Math.Min(buffer.Length, inode.Length - offset);
        XfsFileReader.Read(_volume, inode, inode.Data, offset, buffer[..count]);
        return count;
    }

    /// <inheritdoc/>
    public string ReadLink(NodeId link)
    {
        var inode = _volume.ReadInode(link.Value);
        return inode.Kind == NodeKind.SymbolicLink
            ? XfsSymbolicLink.Read(_volume, inode)
            : throw FileSystemDiagnostics.WrongKind.ToException($"found {inode.Kind}, needed {NodeKind.SymbolicLink}");
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node) => XfsAttributes.Read(_volume, _volume.ReadInode(node.Value));

    /// <inheritdoc/>
    public IEnumerable<ByteRange> GetFreeRanges()
    {
        _editor?.WriteGroups();
        ByteRange? pending = null;
        foreach (var range in XfsFreeSpace.Of(_volume))
        {
            if (pending is { } last && last.End == range.Offset)
            {
                pending = last with { Length = last.Length + range.Length };
                continue;
            }

            if (pending is { } done)
            {
                yield return done;
            }

            pending = range;
        }

        if (pending is { } final)
        {
            yield return final;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Diagnostic> Check()
    {
        try
        {
            _ = GetFreeRanges().Count();
            _ = List(Root).Count();
            return [];
        }
        catch (DiagnosticException e)
        {
            return [e.Diagnostic];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
