using System.Buffers.Binary;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Ntfs;

/// <summary>An NTFS file system, read and written by our own code. Uses the device, does not own it.</summary>
/// <remarks>
/// The file system's own files are not shown. Names are found whatever their case. Owners and access lists are not translated: everything belongs to root and has mode 0777,
/// as ntfs-3g shows it. Named streams are extended attributes "user.NAME".
/// </remarks>
public sealed partial class NtfsFileSystem
{
    private const int FreeChunk = 64 << 10;
    private const int LongestAttribute = 64 << 10; // the most that an extended attribute can be on Linux
    private const string StreamPrefix = "user.";
    private readonly NtfsVolume _volume;
    private readonly string? _readOnlyReason;
    private readonly DateTimeOffset _timestamp;
    private readonly bool _isClean;
    private readonly bool? _shortNames;
    private long? _freeClusters;

    private NtfsFileSystem(NtfsVolume volume, FileSystemOpenOptions options)
    {
        _volume = volume;
        var root = volume.Table.GetNode(FileReference.Root);
        if (!root.IsDirectory)
        {
            throw NtfsDiagnostics.BadRecord.ToException("the root is no directory", root.Where);
        }

        Root = new NodeId(root.Reference);
        _timestamp = options.Timestamp ?? NtfsTime.Decode(TimeOf(root, 16)); // when the root's record was changed last
        _shortNames = options.ShortNames;
        _isClean = volume.FindUncleanState().Count == 0;
        _readOnlyReason = volume.FindReadOnlyReason();
    }

    /// <inheritdoc/>
    public FileSystemInfo Info
    {
        get
        {
            var boot = _volume.Boot;
            var total = boot.ClusterCount * boot.ClusterSize;
            return new FileSystemInfo
            {
                Type = "ntfs",
                Label = _volume.Label,
                Uuid = boot.Serial == 0 ? null : boot.Serial.ToString("X16", CultureInfo.InvariantCulture),
                TotalBytes = total,
                UsedBytes = total - ((_freeClusters ??= CountFree()) * boot.ClusterSize),
                BlockSize = boot.ClusterSize,
                Features = [$"version {_volume.Version.Major}.{_volume.Version.Minor}"],
                IsClean = _isClean,
                Capabilities = FileSystemCapabilities.None, // links are made, but not with any target, as the flag promises
                ReadOnlyReason = _readOnlyReason,
            };
        }
    }

    /// <inheritdoc/>
    public NodeId Root { get; }

    /// <summary>Whether a device holds an NTFS file system: its boot sector's name and parameters.</summary>
    public static bool Identify(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return NtfsBootSector.Identify(device);
    }

    /// <summary>Opens a file system. One that is hibernated or was not unmounted cleanly is read as it is on disk, and not written.</summary>
    /// <exception cref="DiagnosticException">The file system is damaged (NTF0xx).</exception>
    public static NtfsFileSystem Open(IBlockDevice device, FileSystemOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(options);
        return new NtfsFileSystem(new NtfsVolume(device, NtfsBootSector.Read(device)), options);
    }

    /// <inheritdoc/>
    public NodeMetadata GetMetadata(NodeId node)
    {
        const int everything = 0x1FF;
        var found = GetNode(node);
        var kind = KindOf(found);
        var length = kind switch
        {
            NodeKind.File => found.Find(AttributeType.Data)?.Length ?? 0,
            NodeKind.SymbolicLink => GuestText.Encode(ReadLink(node)).Length,
            _ => 0,
        };
        var links = found.Names.Count(name => name.Namespace != FileName.Dos);
        return new NodeMetadata(node, kind, everything, 0, 0, length, (uint)Math.Max(1, links), NtfsTime.Decode(TimeOf(found, 8)));
    }

    /// <inheritdoc/>
    public IEnumerable<DirectoryEntry> List(NodeId directory)
    {
        var node = GetDirectory(directory);
        foreach (var entry in _volume.OpenDirectory(node).Entries())
        {
            var name = FileName.Parse(entry.Key, node.Where);
            if (name.Namespace != FileName.Dos && IsShown(entry))
            {
                yield return new DirectoryEntry(name.Name, new NodeId(entry.Reference), KindOf(name));
            }
        }
    }

    /// <inheritdoc/>
    public DirectoryEntry? Lookup(NodeId directory, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var node = GetDirectory(directory);
        if (name.Length is 0 or > WindowsName.LongestName || _volume.FindEntry(node, name) is not { } entry || !IsShown(entry))
        {
            return null;
        }

        var found = FileName.Parse(entry.Key, node.Where);
        if (found.Namespace == FileName.Dos)
        {
            // An alias leads to the file; its name in this directory is the long one.
            found = _volume.Table.GetNode(entry.Reference).Names.FirstOrDefault(other => other.Namespace != FileName.Dos && FileReference.Number(other.Parent) == node.Number) ?? found;
        }

        return new DirectoryEntry(found.Name, new NodeId(entry.Reference), KindOf(found));
    }

    /// <inheritdoc/>
    public int Read(NodeId file, long offset, Span<byte> buffer)
    {
        var node = GetFile(file);
        var data = node.Find(AttributeType.Data);
        if (data is null || offset < 0 || offset >= data.Length)
        {
            return 0;
        }

        DemandReadable(data, node);
        buffer = buffer[..(int)Math.Min(buffer.Length, data.Length - offset)];
        if (_volume.ReadReparsePoint(node) is { } reparse)
        {
            if (reparse.Tag != ReparsePoint.CompressedFile)
            {
                throw NtfsDiagnostics.UnknownReparse.ToException($"its reparse tag is 0x{reparse.Tag:x8}", node.Where);
            }

            new CompressedSystemFile(_volume.Streams, node, reparse, data.Length).Read(offset, buffer);
        }
        else
        {
            _volume.Streams.Read(data, offset, buffer, node.Where);
        }

        return buffer.Length;
    }

    /// <summary>
    /// The target of a link. A path with a drive letter is translated to a path of this volume when it leads somewhere here, as junctions of a system volume do; else the
    /// drive stays its first component, which then leads nowhere.
    /// </summary>
    public string ReadLink(NodeId link)
    {
        var node = GetNode(link);
        if (KindOf(node) != NodeKind.SymbolicLink || _volume.ReadReparsePoint(node) is not { } reparse)
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"a symbolic link is needed, it is a {KindOf(node)}", node.Where);
        }

        var (path, isWindows, isRelative) = reparse.ReadTarget();
        return isWindows ? new LinkTarget(_volume).Translate(path, isRelative) : path;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node)
    {
        var found = GetNode(node);
        var attributes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var stream in found.Attributes.Where(attribute => attribute.Type == AttributeType.Data && attribute.Name.Length > 0))
        {
            if (stream.Length <= LongestAttribute && stream.Name != CompressedSystemFile.StreamName && !stream.IsEncrypted)
            {
                var content = new byte[stream.Length];
                _volume.Streams.Read(stream, 0, content, found.Where);
                attributes.TryAdd(StreamPrefix + stream.Name, content);
            }
        }

        return attributes;
    }

    /// <inheritdoc/>
    public IEnumerable<ByteRange> GetFreeRanges()
    {
        long clusterSize = _volume.Boot.ClusterSize;
        long start = -1;
        foreach (var (cluster, isFree) in FreeChanges())
        {
            if (isFree)
            {
                start = cluster;
            }
            else if (start >= 0)
            {
                yield return new ByteRange(start * clusterSize, (cluster - start) * clusterSize);
                start = -1;
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Diagnostic> Check()
    {
        var findings = new List<Diagnostic>(_volume.FindUncleanState());
        if (_volume.FindMirrorFault() is { } fault)
        {
            findings.Add(fault);
        }

        try
        {
            var root = _volume.Table.GetNode(FileReference.Root);
            foreach (var entry in _volume.OpenDirectory(root).Entries())
            {
                FileName.Parse(entry.Key, root.Where);
            }

            CountFree();
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

    private static bool IsShown(IndexEntry entry) => FileReference.Number(entry.Reference) >= FileReference.FirstUserRecord;

    private static NodeKind KindOf(FileName name)
        => (name.IsReparsePoint ? ReparsePoint.KindOf(name.ReparseTag) : null) ?? (name.IsDirectory ? NodeKind.Directory : NodeKind.File);

    private NodeKind KindOf(NtfsNode node)
        => (_volume.ReadReparsePoint(node) is { } reparse ? ReparsePoint.KindOf(reparse.Tag) : null) ?? (node.IsDirectory ? NodeKind.Directory : NodeKind.File);

    private static long TimeOf(NtfsNode node, int offset)
        => node.Find(AttributeType.StandardInformation) is { Value.Length: >= 48 } information ? BinaryPrimitives.ReadInt64LittleEndian(information.Value.AsSpan(offset)) : 0;

    private static void DemandReadable(NtfsAttribute data, NtfsNode node)
    {
        if (data.IsEncrypted)
        {
            throw NtfsDiagnostics.Encrypted.ToException("its content is encrypted (EFS)", node.Where);
        }
    }

    private NtfsNode GetNode(NodeId node)
    {
        var number = FileReference.Number(node.Value);
        return number < FileReference.FirstUserRecord && number != FileReference.Root
            ? throw FileSystemDiagnostics.NotFound.ToException("it is a file of the file system itself", $"MFT record {number}")
            : _volume.Table.GetNode(node.Value);
    }

    private NtfsNode GetDirectory(NodeId id)
    {
        var node = GetNode(id);
        return KindOf(node) is var kind and not NodeKind.Directory ? throw FileSystemDiagnostics.WrongKind.ToException($"a directory is needed, it is a {kind}", node.Where) : node;
    }

    private NtfsNode GetFile(NodeId id)
    {
        var node = GetNode(id);
        return KindOf(node) is var kind and not NodeKind.File ? throw FileSystemDiagnostics.WrongKind.ToException($"a regular file is needed, it is a {kind}", node.Where) : node;
    }

    private long CountFree() => GetFreeRanges().Sum(range => range.Length) / _volume.Boot.ClusterSize;

    /// <summary>Where free clusters begin and end, by the volume's bitmap.</summary>
    private IEnumerable<(long Cluster, bool IsFree)> FreeChanges()
    {
        var (bitmap, clusters) = (_volume.Bitmap, _volume.Boot.ClusterCount);
        if (bitmap.Length < (clusters + 7) / 8)
        {
            throw NtfsDiagnostics.BadBitmap.ToException($"the bitmap has {bitmap.Length} bytes for {clusters} clusters", "$Bitmap");
        }

        var buffer = new byte[FreeChunk];
        var wasFree = false;
        for (long at = 0; at * 8 < clusters; at += buffer.Length)
        {
            var count = (int)Math.Min(buffer.Length, ((clusters + 7) / 8) - at);
            _volume.Streams.Read(bitmap, at, buffer.AsSpan(0, count), "$Bitmap");
            for (var i = 0; i < count; i++)
            {
                if (buffer[i] == (wasFree ? 0 : 0xFF))
                {
                    continue;
                }

                for (var bit = 0; bit < 8 && ((at + i) * 8) + bit < clusters; bit++)
                {
                    var isFree = (buffer[i] & (1 << bit)) == 0;
                    if (isFree != wasFree)
                    {
                        yield return (((at + i) * 8) + bit, isFree);
                        wasFree = isFree;
                    }
                }
            }
        }

        if (wasFree)
        {
            yield return (clusters, false);
        }
    }
}
