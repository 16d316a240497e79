using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Opens a disk: finds its descriptor, opens its extents, and its parent when it is a delta. Whatever was opened is closed again when something fails.</summary>
internal sealed class VmdkOpener(DiskOpenRequest request)
{
    private const int CacheBytes = 4 << 20; // of grain tables, for all extents of an image
    private readonly List<IDisposable> _opened = [request.File];
    private readonly ImmutableArray<VmdkExtent>.Builder _extents = ImmutableArray.CreateBuilder<VmdkExtent>();
    private readonly ImmutableArray<string>.Builder _files = ImmutableArray.CreateBuilder<string>();
    private VmdkHeader? _header;
    private int _cachePerExtent = CacheBytes;
    private bool _isFileUsed;

    private string Name => request.FileName;

    public VmdkImage Open()
    {
        IBlockDevice? parent = null;
        VmdkImage? image = null;

        // Not caught and thrown again: in a chain of images each time would stand on the stack on top of the one before.
        try
        {
            var descriptor = ReadDescriptor();
            if (descriptor is null)
            {
                AddSparse(request.File, Name, (long)(_header?.Capacity ?? 0));
            }
            else
            {
                AddExtents(descriptor);
            }

            parent = descriptor is null ? null : OpenParent(descriptor);
            image = new VmdkImage(_extents.ToImmutable(), parent, descriptor?.ContentId, Describe(descriptor));
            if (!_isFileUsed)
            {
                request.File.Dispose(); // a descriptor of its own: everything of it is known
            }

            return image;
        }
        finally
        {
            if (image is null)
            {
                parent?.Dispose();
                foreach (var one in _opened)
                {
                    one.Dispose();
                }
            }
        }
    }

    private static byte[] ReadHead(IBlockDevice file, int length)
    {
        var head = new byte[(int)Math.Min(length, file.Length)];
        file.Read(GuestOffset.Zero, head);
        return head;
    }

    /// <summary>The descriptor, in its own file or embedded; null for a stream that has none.</summary>
    private VmdkDescriptor? ReadDescriptor()
    {
        var head = ReadHead(request.File, KnownDiskFormats.ProbeLength);
        if (VmdkDescriptor.IsDescriptor(head))
        {
            return request.File.Length <= VmdkDescriptor.SizeMax
                ? VmdkDescriptor.Parse(ReadHead(request.File, VmdkDescriptor.SizeMax), Name)
                : throw VmdkDiagnostics.BadDescriptor.ToException($"a descriptor of {request.File.Length} bytes; at most {VmdkDescriptor.SizeMax} are read", Name);
        }

        if (VmdkCowdHeader.IsHeader(head) || VmdkSeSparseHeader.IsHeader(head))
        {
            throw VmdkDiagnostics.OnlyAnExtent.ToException($"it is {(VmdkCowdHeader.IsHeader(head) ? "a COWD" : "an seSparse")} extent without the descriptor, which says what it stands on", Name);
        }

        if (!VmdkHeader.IsHeader(head))
        {
            throw VmdkDiagnostics.BadHeader.ToException("it starts neither like a descriptor (# Disk DescriptorFile) nor like a sparse extent (KDMV); a -flat file is opened by its descriptor", Name);
        }

        _header = VmdkHeader.Parse(head, Name);
        if (_header.DescriptorOffset == 0 || _header.DescriptorSectors == 0)
        {
            return _header.IsCompressed ? null : throw VmdkDiagnostics.OnlyAnExtent.ToException("it is a sparse extent without a descriptor", Name);
        }

        if (_header.DescriptorSectors > VmdkDescriptor.SizeMax / VmdkHeader.SectorSize || !VmdkDirectory.Fits(request.File, _header.DescriptorOffset, (long)_header.DescriptorSectors * VmdkHeader.SectorSize))
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the header puts a descriptor of {_header.DescriptorSectors} sectors at sector {_header.DescriptorOffset} of a file of {request.File.Length} bytes", Name);
        }

        var bytes = new byte[_header.DescriptorSectors * VmdkHeader.SectorSize];
        request.File.Read(new GuestOffset((long)_header.DescriptorOffset * VmdkHeader.SectorSize), bytes);

        // QEMU leaves room for a descriptor in each extent of a split disk, and the room empty.
        return bytes.AsSpan().ContainsAnyExcept((byte)0) ? VmdkDescriptor.Parse(bytes, Name)
            : _header.IsCompressed ? null
            : throw VmdkDiagnostics.OnlyAnExtent.ToException("it is a sparse extent, and the room for a descriptor is empty", Name);
    }

    private void AddExtents(VmdkDescriptor descriptor)
    {
        var lines = descriptor.Extents;
        if (_header is not null && (lines.Length == 0 || (ulong)lines[0].Sectors == _header.Capacity || (lines.Length == 1 && _header.Capacity > 0)))
        {
            // Embedded: the extent is the file itself, by whatever name it goes now. The header may count the last grain as whole.
            var capacity = (long)_header.Capacity;
            var stated = lines.Length == 0 ? capacity : lines[0].Sectors;
            AddSparse(request.File, Name, stated <= capacity && stated > capacity - (long)_header.GrainSectors ? stated : capacity);
            lines = lines.Length == 0 ? [] : lines[1..];
        }

        _cachePerExtent = CacheBytes / Math.Max(1, lines.Length);
        long total = 0;
        foreach (var line in lines.Where(line => line.Sectors > 0))
        {
            total += line.Sectors;
            if (total > (long)VmdkHeader.CapacityMax)
            {
                throw VmdkDiagnostics.BadDescriptor.ToException($"the extents hold more than {VmdkHeader.CapacityMax} sectors", Name);
            }

            AddExtent(line);
        }
    }

    private void AddExtent(VmdkExtentLine line)
    {
        var length = line.Sectors * VmdkHeader.SectorSize;
        var kind = line.Kind.ToUpperInvariant();
        if (line.Access == "NOACCESS" || kind == "ZERO")
        {
            if (line.Access == "NOACCESS" && kind != "ZERO")
            {
                request.Report?.Invoke(VmdkDiagnostics.NoAccess.Create($"'{line}'", Name));
            }

            _extents.Add(new VmdkZeroExtent { Length = length });
            return;
        }

        if (kind is not ("FLAT" or "VMFS" or "SPARSE" or "VMFSSPARSE" or "SESPARSE"))
        {
            throw VmdkDiagnostics.UnsupportedFeature.ToException($"an extent of kind {line.Kind}; FLAT, VMFS, SPARSE, VMFSSPARSE, SESPARSE and ZERO are read", Name);
        }

        if (string.IsNullOrEmpty(line.FileName))
        {
            throw VmdkDiagnostics.BadDescriptor.ToException($"the extent '{line}' has no file", Name);
        }

        var file = request.OpenReference(line.FileName.Replace('\\', '/'));
        _opened.Add(file.File);
        _files.Add(file.Name);
        if (kind is "FLAT" or "VMFS")
        {
            var start = (line.Offset ?? 0) * VmdkHeader.SectorSize;
            _extents.Add(file.File.Length - start >= length
                ? new VmdkFlatExtent(file.File, start) { Length = length, Name = file.Name }
                : throw VmdkDiagnostics.ShortExtent.ToException($"it has {file.File.Length} bytes, and the extent needs {start + length}", file.Name));
            return;
        }

        AddSparse(file.File, file.Name, line.Sectors, kind);
    }

    private void AddSparse(IBlockDevice file, string name, long sectors, string kind = "SPARSE")
    {
        _isFileUsed |= ReferenceEquals(file, request.File);
        var length = sectors * VmdkHeader.SectorSize;
        var head = ReadHead(file, VmdkCowdHeader.Size);
        if (kind == "VMFSSPARSE")
        {
            var cowd = VmdkCowdHeader.Parse(head, name);
            DemandCapacity(cowd.Sectors, sectors, name);
            _extents.Add(new VmdkSparseExtent(file, new VmdkDirectoryMap(file, name, cowd, _cachePerExtent), null) { Length = length, Name = name });
        }
        else if (kind == "SESPARSE")
        {
            var header = VmdkSeSparseHeader.Parse(head, name);
            DemandCapacity(header.Capacity, sectors, name);
            if (!VmdkDirectory.Fits(file, header.VolatileHeader, VmdkSeSparseHeader.Size))
            {
                throw VmdkDiagnostics.BadHeader.ToException($"the header puts the volatile header at sector {header.VolatileHeader} of a file of {file.Length} bytes", name);
            }

            var second = new byte[VmdkSeSparseHeader.Size];
            file.Read(new GuestOffset((long)header.VolatileHeader * VmdkHeader.SectorSize), second);
            VmdkSeSparseHeader.CheckVolatile(second, name);
            _extents.Add(new VmdkSparseExtent(file, new VmdkSeSparseMap(file, name, header, _cachePerExtent), null) { Length = length, Name = name });
        }
        else
        {
            AddHosted(file, name, sectors, VmdkHeader.Parse(head, name));
        }
    }

    private void AddHosted(IBlockDevice file, string name, long sectors, VmdkHeader header)
    {
        DemandCapacity(header.Capacity, sectors, name);
        if (header.UncleanShutdown != 0)
        {
            request.Report?.Invoke(VmdkDiagnostics.UncleanShutdown.Create("the header says that the image was not closed", name));
        }

        if (sectors == 0)
        {
            _isFileUsed = false;
            return;
        }

        var length = sectors * VmdkHeader.SectorSize;
        var map = MapOf(file, name, header);
        var grains = header.IsCompressed ? new VmdkGrainReader(file, name, map, header.HasMarkers, (long)header.Capacity * VmdkHeader.SectorSize) : null;
        _extents.Add(new VmdkSparseExtent(file, map, grains) { Length = length, Name = name, Header = header });
    }

    private VmdkGrainMap MapOf(IBlockDevice file, string name, VmdkHeader header)
    {
        if (header.Directory != VmdkHeader.DirectoryAtEnd)
        {
            return new VmdkDirectoryMap(file, name, header, header.Directory, (header.Flags & VmdkHeader.RedundantTables) != 0 ? header.RedundantDirectory : 0, _cachePerExtent, request.Report);
        }

        try
        {
            return VmdkStreamFooter.MapOf(file, name, header, _cachePerExtent);
        }
        catch (DiagnosticException e) when (header.HasMarkers && header.IsCompressed && e.Diagnostic.Id.StartsWith("VMD", StringComparison.Ordinal))
        {
            var map = VmdkScannedMap.Scan(file, name, header);
            request.Report?.Invoke(VmdkDiagnostics.FooterLost.Create(e.Diagnostic.Message, name));
            return map;
        }
    }

    private static void DemandCapacity(ulong capacity, long sectors, string name)
    {
        if (capacity < (ulong)sectors)
        {
            throw VmdkDiagnostics.ShortExtent.ToException($"the header tells of {capacity} sectors, the descriptor of {sectors}", name);
        }
    }

    private IBlockDevice? OpenParent(VmdkDescriptor descriptor)
    {
        if (descriptor.ParentContentId is null or VmdkDescriptor.NoParent)
        {
            return null;
        }

        if (string.IsNullOrEmpty(descriptor.ParentHint))
        {
            throw VmdkDiagnostics.BadDescriptor.ToException($"the disk stands on one with the CID {descriptor.ParentContentId:x8}, and does not say where that is (parentFileNameHint)", Name);
        }

        // The hint is where the parent was on the host of old. One of the same name beside the child is the parent if its CID is right.
        var reference = descriptor.ParentHint.Replace('\\', '/');
        var beside = reference[(reference.LastIndexOf('/') + 1)..];
        if (!request.IsFormatGuessed && beside.Length > 0 && request.Directory is { } directory && !directory.Exists(reference) && directory.Exists(beside))
        {
            reference = beside;
        }

        var parent = request.OpenParent(reference, new VmdkFormat());
        if (parent is VmdkImage image && image.ContentId == descriptor.ParentContentId)
        {
            return parent;
        }

        parent.Dispose();
        throw VmdkDiagnostics.ParentMismatch.ToException($"its parent must have the CID {descriptor.ParentContentId:x8}; '{reference}' has {(parent as VmdkImage)?.ContentId?.ToString("x8", CultureInfo.InvariantCulture) ?? "none"}", Name);
    }

    private DiskImageInfo Describe(VmdkDescriptor? descriptor)
    {
        var properties = ImmutableArray.CreateBuilder<ImageProperty>();
        var sparse = _extents.OfType<VmdkSparseExtent>().FirstOrDefault();
        if (_header is not null)
        {
            properties.Add(new ImageProperty("version", _header.Version.ToString(CultureInfo.InvariantCulture)));
        }

        if (sparse?.Grains is not null)
        {
            properties.Add(new ImageProperty("compression", "deflate"));
        }

        if (descriptor is not null)
        {
            (string Name, string? Value)[] known =
            [
                ("cid", descriptor.ContentId?.ToString("x8", CultureInfo.InvariantCulture)),
                ("parent cid", descriptor.ParentContentId is null or VmdkDescriptor.NoParent ? null : descriptor.ParentContentId.Value.ToString("x8", CultureInfo.InvariantCulture)),
                ("extents", descriptor.Extents.Length > 1 ? descriptor.Extents.Length.ToString(CultureInfo.InvariantCulture) : null),
                ("adapter type", descriptor.Value("ddb.adapterType")),
                ("virtual hardware version", descriptor.Value("ddb.virtualHWVersion")),
                ("uuid", descriptor.Value("ddb.uuid") ?? descriptor.Value("ddb.uuid.image")),
                ("thin provisioned", descriptor.Value("ddb.thinProvisioned") is "1" ? "yes" : null),
                ("tools version", descriptor.Value("ddb.toolsVersion")),
                ("change tracking file", descriptor.Value("changeTrackPath")),
                ("encoding", descriptor.Value("encoding")),
            ];
            properties.AddRange(known.Where(one => !string.IsNullOrEmpty(one.Value)).Select(one => new ImageProperty(one.Name, one.Value ?? "")));
        }

        var hasParent = descriptor?.ParentContentId is not (null or VmdkDescriptor.NoParent);
        return new DiskImageInfo("vmdk")
        {
            SubFormat = descriptor is null ? "streamOptimized" : descriptor.CreateType,
            FileName = Name,
            UnitBytes = sparse?.Map.GrainBytes,
            ParentReference = hasParent ? descriptor?.ParentHint : null,
            Files = _files.ToImmutable(),
            Properties = properties.ToImmutable(),
        };
    }
}
