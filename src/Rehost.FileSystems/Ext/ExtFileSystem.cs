using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>An ext2, ext3 or ext4 file system, read and written by our own code. Uses the device, does not own it.</summary>
public sealed partial class ExtFileSystem : IFileSystem
{
    private readonly ExtVolume _volume;
    private readonly string? _readOnlyReason;

    private ExtFileSystem(ExtVolume volume, FileSystemOpenOptions options)
    {
        _volume = volume;
        _readOnlyReason = volume.FindReadOnlyReason();
        _timestamp = options.Timestamp ?? DateTimeOffset.FromUnixTimeSeconds(volume.Super.WriteTime);
    }

    /// <inheritdoc/>
    public FileSystemInfo Info
    {
        get
        {
            var super = _volume.Super;
            var free = (long)Math.Min(_volume.CurrentFreeBlocks, super.BlocksCount);
            return new FileSystemInfo
            {
                Type = TypeName(super),
                Label = super.Label.IndexOf((byte)0) switch
                {
                    0 => null,
                    < 0 => GuestText.Decode(super.Label),
                    var end => GuestText.Decode(super.Label[..end]),
                },
                Uuid = super.Uuid.ContainsAnyExcept((byte)0) ? new Guid(super.Uuid, bigEndian: true).ToString("D", CultureInfo.InvariantCulture) : null,
                TotalBytes = (long)super.BlocksCount << super.BlockSizeBits,
                UsedBytes = ((long)super.BlocksCount - free) << super.BlockSizeBits,
                BlockSize = super.BlockSize,
                Features = _volume.CurrentFeatures,
                IsClean = (super.State & 1) != 0 && (super.State & 2) == 0,
                ReadOnlyReason = _readOnlyReason,
            };
        }
    }

    /// <inheritdoc/>
    public NodeId Root => new(InodeTable.RootInode);

    /// <summary>Whether a device holds an ext file system: its magic number and the first plausible fields.</summary>
    public static bool Identify(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return ExtSuperblock.Identify(device);
    }

    /// <summary>Opens a file system. A dirty journal is replayed when the device can be written, and refused when it cannot.</summary>
    /// <exception cref="DiagnosticException">The file system is damaged (EXT0xx), uses an unknown feature (EXT003), or has a dirty journal on a device that cannot be written (EXT013).</exception>
    public static ExtFileSystem Open(IBlockDevice device, FileSystemOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(options);
        var super = JournalRecovery.Run(device, ExtSuperblock.Read(device));
        var fileSystem = new ExtFileSystem(new ExtVolume(device, super), options);
        return fileSystem.TryRecoverOrphans() ? new ExtFileSystem(new ExtVolume(device, ExtSuperblock.Read(device)), options) : fileSystem;
    }

    /// <inheritdoc/>
    public NodeMetadata GetMetadata(NodeId node)
    {
        var inode = _volume.Inodes.GetUser(node.Value);
        var (major, minor) = inode.Kind is NodeKind.CharacterDevice or NodeKind.BlockDevice ? DeviceNumber(inode) : default;
        return new NodeMetadata(node, inode.Kind, inode.Mode & 0xFFF, inode.Uid, inode.Gid, _volume.Files.Length(inode), inode.Links, inode.Modified, major, minor);
    }

    /// <inheritdoc/>
    public IEnumerable<DirectoryEntry> List(NodeId directory) => _volume.Directories.List(GetDirectory(directory));

    /// <inheritdoc/>
    public DirectoryEntry? Lookup(NodeId directory, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var bytes = GuestText.Encode(name);
        var inode = GetDirectory(directory);
        if (bytes.Length is 0 or > 255 || name is "." or ".." || _volume.Directories.Find(inode, bytes) is not { } found)
        {
            return null;
        }

        return new DirectoryEntry(name, new NodeId(found.Inode), _volume.Directories.KindOf(found.Inode, found.FileType));
    }

    /// <inheritdoc/>
    public int Read(NodeId file, long offset, Span<byte> buffer)
    {
        var inode = GetFile(file);
        return _volume.Files.Read(inode, offset, buffer);
    }

    /// <inheritdoc/>
    public string ReadLink(NodeId link)
    {
        var inode = _volume.Inodes.GetUser(link.Value);
        DemandKind(inode, inode.IsLink, "a symbolic link");
        DemandPlain(inode);
        if (inode.IsFastLink)
        {
            return GuestText.Decode(inode.BlockArea[..(int)inode.SizeLow]);
        }

        var length = _volume.Files.Length(inode);
        if (length == 0 || length > _volume.Super.BlockSize)
        {
            throw ExtDiagnostics.BadInode.ToException($"a symbolic link of {length} bytes", inode.Where);
        }

        var target = new byte[length];
        _volume.Files.Read(inode, 0, target);
        var end = target.AsSpan().IndexOf((byte)0);
        return GuestText.Decode(end < 0 ? target : target.AsSpan(0, end));
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node)
    {
        var inode = _volume.Inodes.GetUser(node.Value);
        var attributes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var entry in XattrReader.ReadBody(inode).Concat(_volume.Xattrs.ReadBlock(inode)))
        {
            if (XattrNames.ToFullName(entry) is { } name)
            {
                var value = _volume.Xattrs.ValueOf(inode, entry);
                attributes.TryAdd(name, entry.Index is XattrNames.AclAccessIndex or XattrNames.AclDefaultIndex ? PosixAcl.FromDisk(value) : value);
            }
        }

        return attributes;
    }

    /// <inheritdoc/>
    public IEnumerable<ByteRange> GetFreeRanges()
    {
        var super = _volume.Super;
        long start = 0;
        long end = 0;
        for (var group = 0u; group < super.GroupCount; group++)
        {
            var bitmap = _volume.Bitmaps.Blocks(group);
            var limit = _volume.Bitmaps.ClustersIn(group);
            var first = super.GroupFirstBlock(group);
            for (var from = BitmapReader.Next(bitmap, 0, limit, value: false); from < limit;)
            {
                var to = BitmapReader.Next(bitmap, from, limit, value: true);
                var rangeStart = (long)(first + ((ulong)from << super.ClusterRatioBits)) << super.BlockSizeBits;
                var rangeEnd = (long)Math.Min(first + ((ulong)to << super.ClusterRatioBits), super.BlocksCount) << super.BlockSizeBits;
                if (rangeStart != end)
                {
                    if (end > start)
                    {
                        yield return new ByteRange(start, end - start);
                    }

                    start = rangeStart;
                }

                end = rangeEnd;
                from = BitmapReader.Next(bitmap, to, limit, value: false);
            }
        }

        if (end > start)
        {
            yield return new ByteRange(start, end - start);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Diagnostic> Check() => new ExtCheck(_volume).Run();

    /// <summary>Forgets what was not flushed; the device stays open.</summary>
    public void Dispose()
    {
    }

    private static string TypeName(ExtSuperblock super)
    {
        const IncompatFeatures ext3Incompat = IncompatFeatures.FileType | IncompatFeatures.NeedsRecovery | IncompatFeatures.MetaBg;
        const ReadOnlyFeatures ext3ReadOnly = ReadOnlyFeatures.SparseSuper | ReadOnlyFeatures.LargeFile | ReadOnlyFeatures.BtreeDir;
        if ((super.Incompat & ~ext3Incompat) != 0 || (super.ReadOnly & ~ext3ReadOnly) != 0)
        {
            return "ext4";
        }

        return super.Has(CompatFeatures.HasJournal) ? "ext3" : "ext2";
    }

    /// <summary>Old device numbers are 8:8 bits in the first word, new ones 12:20 bits in the second.</summary>
    private static (uint Major, uint Minor) DeviceNumber(ExtInode inode)
    {
        var old = inode.U32(ExtInode.BlockAreaOffset);
        if (old != 0)
        {
            return ((old >> 8) & 0xFF, old & 0xFF);
        }

        var wide = inode.U32(ExtInode.BlockAreaOffset + 4);
        return ((wide & 0xFFF00) >> 8, (wide & 0xFF) | ((wide >> 12) & 0xFFF00));
    }

    private static void DemandKind(ExtInode inode, bool isKind, string needed)
    {
        if (!isKind)
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"{needed} is needed, it is a {inode.Kind}", inode.Where);
        }
    }

    private static void DemandPlain(ExtInode inode)
    {
        if (inode.Has(InodeFlags.Encrypted))
        {
            throw ExtDiagnostics.Encrypted.ToException($"the {inode.Kind} is encrypted (fscrypt)", inode.Where);
        }
    }

    private ExtInode GetDirectory(NodeId node)
    {
        var inode = _volume.Inodes.GetUser(node.Value);
        DemandKind(inode, inode.IsDirectory, "a directory");
        DemandPlain(inode);
        return inode;
    }

    private ExtInode GetFile(NodeId node)
    {
        var inode = _volume.Inodes.GetUser(node.Value);
        DemandKind(inode, inode.IsFile, "a regular file");
        DemandPlain(inode);
        if (inode.Has(InodeFlags.Compressed))
        {
            throw ExtDiagnostics.UnknownFeature.ToException("the file is compressed (e2compr)", inode.Where);
        }

        return inode;
    }
}
