using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Rehost.Archives.Seekable;
using Rehost.Archives.Tar;
using Rehost.Archives;
using Rehost.Blocks;
using Rehost.DiskFormats.Tar;
using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>
/// An XVA as XenServer and XCP-ng export it (xen-api, stream_vdi.ml): the description of the machine and the chunks of its disks. Opening reads tar
/// headers only; chunks are read, and verified, when a disk is. A compressed export is decompressed once while it is opened, as far as its tar headers go.
/// </summary>
public sealed class XvaArchive : IDisposable
{
    private const int MaxFaults = 20;
    private const int MaxDescription = 16 << 20;
    private const int MaxChunk = 16 << 20;
    private const int MaxChunks = 1 << 25;
    private const int MaxChecksumTable = 64 << 20;

    private readonly IBlockDevice _file;
    private readonly bool _ownsFile;
    private readonly SortedDictionary<string, List<XvaChunk>> _disks = new(StringComparer.Ordinal);
    private readonly List<string> _faults = [];
    private int _chunkCount;
    private int? _firstLength;
    private string? _lastDisk;
    private TarMember? _checksumTable;

    private XvaArchive(IBlockDevice file, string name, bool ownsFile)
    {
        _file = file;
        Name = name;
        _ownsFile = ownsFile;
    }

    /// <summary>The file's name, for messages.</summary>
    public string Name { get; }

    /// <summary>The machine's description as it stands in the archive, not parsed.</summary>
    public ReadOnlyMemory<byte> OvaXml { get; private set; }

    /// <summary>What the whole archive is compressed by: gzip or zstd; null for not at all.</summary>
    public string? Compressor { get; private init; }

    /// <summary>Why a host would refuse the archive, which this reader does not mind: order and names of members (xen-api, import.ml, stream_vdi.ml).</summary>
    public ImmutableArray<Diagnostic> ImportFaults => [.. _faults.Take(MaxFaults).Select(fault => XvaDiagnostics.NotImportable.Create(fault, Name))];

    /// <summary>Scratch room that the decompressed archive takes.</summary>
    public long ScratchBytes => (_file as IGrowingDevice)?.ScratchBytes ?? 0;

    /// <summary>The disks that have chunks, by their reference (<c>Ref:4</c>), in string order as exports have them.</summary>
    public IReadOnlyList<string> DiskIds => [.. _disks.Keys];

    /// <summary>Indexes an archive.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="ownsFile">Whether the file is disposed with the archive; if so, also when opening fails.</param>
    /// <param name="scratchDirectory">Where there is room for the content of a zstd-compressed export; null for the system's temporary directory.</param>
    /// <param name="cancellationToken">Stops the indexing.</param>
    /// <exception cref="DiagnosticException">It is no XVA, damaged or not complete (XVA…, TAR…, ARC…).</exception>
    public static XvaArchive Open(IBlockDevice file, string name, bool ownsFile = true, string? scratchDirectory = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        IBlockDevice? opened = null;
        try
        {
            var compression = CompressionOf(file, name);
            opened = compression == CompressionKind.None ? file : CompressedContent.Open(compression, file, name, ownsFile, scratchDirectory);
            var archive = new XvaArchive(opened, name, ownsFile || opened != file) { Compressor = compression switch { CompressionKind.Gzip => "gzip", CompressionKind.Zstd => "zstd", _ => null } };
            archive.Index(cancellationToken);
            return archive;
        }
        catch
        {
            if (ownsFile)
            {
                (opened ?? file).Dispose();
            }
            else if (opened != file)
            {
                opened?.Dispose();
            }

            throw;
        }
    }

    /// <summary>Opens a disk.</summary>
    /// <param name="id">Its reference, one of <see cref="DiskIds"/> unless the disk is empty.</param>
    /// <param name="virtualSize">Its size as ova.xml says (VDI.virtual_size); null to take where the chunks end, which is the same in a sound export.</param>
    /// <returns>The disk; it stays usable as long as the archive.</returns>
    /// <exception cref="DiagnosticException">The chunks do not make up a disk of this size (XVA007 to XVA012).</exception>
    public XvaDisk OpenDisk(string id, long? virtualSize) => OpenDisk(id, virtualSize, ownsArchive: false);

    internal XvaDisk OpenDisk(string id, long? virtualSize, bool ownsArchive)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentOutOfRangeException.ThrowIfNegative(virtualSize ?? 0, nameof(virtualSize));
        if (!_disks.TryGetValue(id, out var chunks))
        {
            if (virtualSize != 0)
            {
                throw XvaDiagnostics.NoSuchDisk.ToException(
                    $"there are no chunks of the disk '{id}' of {virtualSize} bytes; the archive has {(_disks.Count == 0 ? "none at all" : string.Join(", ", _disks.Keys.Take(20)))}", Name);
            }

            chunks = [];
        }

        return new XvaDisk(_file, Name, id, XvaLayout.Compute(chunks, _firstLength.GetValueOrDefault(), virtualSize, $"{Name}, disk {id}"), ownsArchive ? this : null);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsFile)
        {
            _file.Dispose();
        }
    }

    private static CompressionKind CompressionOf(IBlockDevice file, string name)
    {
        if (file.Length < 4)
        {
            throw TarDiagnostics.Truncated.ToException($"the file has {file.Length} bytes", name);
        }

        var kind = CompressedContent.Detect(file);
        return kind is CompressionKind.None or CompressionKind.Gzip or CompressionKind.Zstd
            ? kind
            : throw XvaDiagnostics.Compressed.ToException($"the file is compressed by {kind}; hosts write plain, gzip and zstd exports", name);
    }

    private void Index(CancellationToken cancellationToken)
    {
        var hasDescription = false;
        var isFirst = true;
        (string Disk, string Name, int Position)? last = null;
        var reader = new TarReader(_file, Name);
        foreach (var member in reader.ReadMembers(cancellationToken))
        {
            if (isFirst)
            {
                CheckFirst(member);
                isFirst = false;
            }

            if (member.Name == "ova.xml")
            {
                ReadDescription(member, hasDescription);
                hasDescription = true;
                continue;
            }

            var slash = member.Name.IndexOf('/', StringComparison.Ordinal);
            if (slash < 1)
            {
                // Exports of before XenServer 4.1 end with a table of checksums, which has no folder.
                _checksumTable = member;
                continue;
            }

            var (disk, chunkName) = (member.Name[..slash], member.Name[(slash + 1)..]);
            if (chunkName.StartsWith("chunk-", StringComparison.Ordinal))
            {
                throw XvaDiagnostics.OldFormat.ToException($"the member '{member.Name}' is a chunk as XenServer 3 wrote it (version 0.1), exports since 4.1 are read", Name);
            }

            var dot = chunkName.IndexOf('.', StringComparison.Ordinal);
            if (dot < 0)
            {
                last = (disk, chunkName, AddChunk(disk, chunkName, member));
            }
            else
            {
                AddChecksum(disk, chunkName[..dot], chunkName[dot..], member, last);
                last = null;
            }
        }

        if (!hasDescription)
        {
            throw XvaDiagnostics.NoDescription.ToException("no member is called 'ova.xml'", Name);
        }

        if (reader.DirectoryCount > 0)
        {
            _faults.Add($"{reader.DirectoryCount} directories are members: hosts take them for chunks");
        }

        ApplyChecksumTable();
    }

    /// <summary>Takes the checksums of chunks that have none of their own from the table at the end (export_vsn 0: XenServer 4.0 and before).</summary>
    private void ApplyChecksumTable()
    {
        if (_checksumTable is not { Length: > 0 and <= MaxChecksumTable } member || !_disks.Values.Any(chunks => chunks.Any(chunk => chunk.Kind == XvaChecksumKind.None)))
        {
            return;
        }

        var text = new byte[member.Length];
        _file.Read(new GuestOffset(member.Data.Value), text);
        var table = XvaChecksumTable.Parse(text, member.Data);
        foreach (var (disk, chunks) in _disks)
        {
            foreach (ref var chunk in CollectionsMarshal.AsSpan(chunks))
            {
                if (chunk.Kind == XvaChecksumKind.None && table.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"{disk}/{chunk.Number:D8}"), out var place))
                {
                    chunk = chunk with { Checksum = place, Kind = XvaChecksumKind.Sha1 };
                }
            }
        }
    }

    // Hosts compare the name as it stands: "./ova.xml" is another.
    private void CheckFirst(TarMember member)
    {
        var head = new byte[TarHeader.BlockSize];
        _file.Read(GuestOffset.Zero, head);
        if (member.Name != "ova.xml" || !head.AsSpan().StartsWith("ova.xml\0"u8))
        {
            _faults.Add($"the first member is '{GuestText.Decode(head.AsSpan(0, 100).TrimEnd((byte)0))}', not 'ova.xml'");
        }
    }

    private void ReadDescription(TarMember member, bool isSecond)
    {
        if (isSecond || member.Length > MaxDescription)
        {
            throw XvaDiagnostics.DescriptionTooLarge.ToException(
                isSecond ? "there are two members 'ova.xml'" : $"ova.xml has {member.Length} bytes, at most {MaxDescription} are read", Name);
        }

        if (_file is IGrowingDevice growing)
        {
            growing.Grow(member.Data.Value + member.Length, CancellationToken.None);
        }

        var xml = new byte[member.Length];
        _file.Read(new GuestOffset(member.Data.Value), xml);
        OvaXml = xml;
    }

    private int AddChunk(string disk, string chunkName, TarMember member)
    {
        if (chunkName.Length is < 8 or > 9 || !int.TryParse(chunkName, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw XvaDiagnostics.ChunkOrder.ToException($"the member '{member.Name}' has no chunk number of eight digits", Name);
        }

        if (member.Length > MaxChunk)
        {
            throw XvaDiagnostics.ChunkTooLarge.ToException($"the chunk '{member.Name}' has {member.Length} bytes, 1048576 are usual and at most {MaxChunk} are read", Name);
        }

        if (++_chunkCount > MaxChunks)
        {
            throw XvaDiagnostics.TooManyChunks.ToException($"more than {MaxChunks} chunks", Name);
        }

        _firstLength ??= (int)member.Length;
        if (!_disks.TryGetValue(disk, out var chunks))
        {
            if (_lastDisk is not null && string.CompareOrdinal(disk, _lastDisk) < 0)
            {
                _faults.Add($"the disk '{disk}' comes after '{_lastDisk}': hosts read disks in string order");
            }

            _disks.Add(disk, chunks = []);
        }
        else if (disk != _lastDisk)
        {
            _faults.Add($"chunks of '{disk}' go on after those of '{_lastDisk}'");
        }

        _lastDisk = disk;

        if (chunks.Count > 0 && chunks[^1].Number >= number)
        {
            throw XvaDiagnostics.ChunkOrder.ToException($"the chunk '{member.Name}' comes after number {chunks[^1].Number:D8}", Name);
        }

        chunks.Add(new XvaChunk(number, member.Data, (int)member.Length, FileOffset.Zero, XvaChecksumKind.None));
        return chunks.Count - 1;
    }

    private void AddChecksum(string disk, string chunkName, string extension, TarMember member, (string Disk, string Name, int Position)? last)
    {
        var (kind, length) = extension switch
        {
            ".checksum" => (XvaChecksumKind.Sha1, 40),
            ".xxhash" => (XvaChecksumKind.XxHash64, 16),
            _ => throw XvaDiagnostics.BadChecksum.ToException($"the member '{member.Name}' has a checksum of an unknown kind; .checksum and .xxhash are read", Name),
        };
        if (last is not { } chunk || chunk.Disk != disk || chunk.Name != chunkName)
        {
            throw XvaDiagnostics.ChecksumWithoutChunk.ToException(
                $"the checksum '{member.Name}' follows {(last is { } other ? $"the chunk '{other.Disk}/{other.Name}'" : "no chunk")}, it must follow '{disk}/{chunkName}'", Name);
        }

        if (member.Length != length)
        {
            throw XvaDiagnostics.BadChecksum.ToException($"the checksum '{member.Name}' has {member.Length} bytes, {length} are needed", Name);
        }

        var chunks = _disks[disk];
        chunks[chunk.Position] = chunks[chunk.Position] with { Checksum = member.Data, Kind = kind };
    }
}
