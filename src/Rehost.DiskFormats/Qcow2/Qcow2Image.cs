using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// A qcow2 image, versions 2 and 3, read-only, with the images that it stands on. Every offset is checked against the file before it is used. Any number
/// of threads may read.
/// </summary>
public sealed class Qcow2Image : IDiskImage
{
    private readonly IBlockDevice _file;
    private readonly IBlockDevice? _dataFile;
    private readonly string _name;
    private readonly Qcow2ClusterMap _map;
    private readonly Qcow2CompressedReader _compressed;

    private Qcow2Image(DiskOpenRequest request, Qcow2Metadata metadata, IBlockDevice? dataFile, IBlockDevice? parent)
    {
        var header = metadata.Header;
        var snapshot = request.Snapshot is { } wanted ? metadata.FindSnapshot(wanted, request.FileName) : null;
        _file = request.File;
        _dataFile = dataFile;
        _name = request.FileName;
        Parent = parent;
        Info = metadata.Describe(request.FileName);
        Length = snapshot?.DiskLength ?? header.DiskLength;
        _map = new Qcow2ClusterMap(_file, DataStore, header, snapshot?.L1Table ?? header.L1Table, snapshot?.L1Entries ?? header.L1Entries, _name);
        _compressed = new Qcow2CompressedReader(_file, _map, header, _name);
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public DiskImageInfo Info { get; }

    /// <inheritdoc/>
    public IBlockDevice? Parent { get; }

    private IBlockDevice DataStore => _dataFile ?? _file;

    /// <summary>Opens an image.</summary>
    /// <exception cref="DiagnosticException">It is damaged, encrypted, needs an unknown feature (QCW…) or a file that it refers to is not to be had.</exception>
    public static Qcow2Image Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        IBlockDevice? dataFile = null;
        IBlockDevice? parent = null;
        Qcow2Image? image = null;
        // Not caught and thrown again: in a chain of images each time would stand on the stack on top of the one before.
        try
        {
            var metadata = Qcow2Metadata.Read(request.File, request.FileName);
            if (metadata.Header.Incompatible.HasFlag(Qcow2Features.Dirty))
            {
                request.Report?.Invoke(Qcow2Diagnostics.Dirty.Create("the dirty bit is set: a machine still uses the image, or it stopped without closing it", request.FileName));
            }

            dataFile = Qcow2References.OpenDataFile(request, metadata);
            parent = Qcow2References.OpenParent(request, metadata.Extensions);
            return image = new Qcow2Image(request, metadata, dataFile, parent);
        }
        finally
        {
            if (image is null)
            {
                parent?.Dispose();
                dataFile?.Dispose();
                request.File.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _name);
        var position = offset.Value;
        while (!buffer.IsEmpty)
        {
            var run = _map.Find(position, buffer.Length);
            var count = (int)Math.Min(run.Length, buffer.Length);
            switch (run.Kind)
            {
                case Qcow2ClusterKind.Data:
                    ReadStored(run.Offset, buffer[..count]);
                    break;
                case Qcow2ClusterKind.Compressed:
                    count = _compressed.Read(position, run, buffer);
                    break;
                case Qcow2ClusterKind.Unallocated when Parent is not null:
                    ReadParent(position, buffer[..count]);
                    break;
                default:
                    buffer[..count].Clear();
                    break;
            }

            position += count;
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("qcow2 images are not edited in place", _name);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("qcow2 images are not edited in place", _name);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        return ExtentSequence.Coalesce(WalkExtents(offset.Value, offset.Value + length));
    }

    /// <inheritdoc/>
    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        if (length == 0)
        {
            return null;
        }

        var run = _map.Find(offset.Value, length);
        switch (run.Kind)
        {
            case Qcow2ClusterKind.Data when run.Offset < DataStore.Length:
                return DataStore.FindStored(new GuestOffset(run.Offset), Math.Min(run.Length, DataStore.Length - run.Offset));
            case Qcow2ClusterKind.Unallocated when Parent is not null && offset.Value < Parent.Length:
                return Parent.FindStored(offset, Math.Min(run.Length, Parent.Length - offset.Value));
            default:
                return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Parent?.Dispose();
        _compressed.Dispose();
        _dataFile?.Dispose();
        _file.Dispose();
    }

    private IEnumerable<Extent> WalkExtents(long position, long end)
    {
        while (position < end)
        {
            var run = _map.Find(position, end - position);
            var length = Math.Min(run.Length, end - position);
            var inner = run.Kind switch
            {
                Qcow2ClusterKind.Data => StoredExtents(position, run.Offset, length),
                Qcow2ClusterKind.Unallocated => ParentExtents(position, length),
                Qcow2ClusterKind.Zero => [new Extent(position, length, ExtentKind.Zero)],
                _ => [new Extent(position, length, ExtentKind.Data)],
            };
            foreach (var extent in inner)
            {
                yield return extent;
            }

            position += length;
        }
    }

    /// <summary>Clusters that were allocated ahead (preallocation=metadata) are holes of the file: zeros that nobody needs to read.</summary>
    private IEnumerable<Extent> StoredExtents(long position, long offset, long length)
    {
        var present = Math.Clamp(DataStore.Length - offset, 0, length);
        if (present > 0)
        {
            foreach (var extent in DataStore.GetExtents(new GuestOffset(offset), present))
            {
                yield return new Extent(position + extent.Offset - offset, extent.Length, extent.Kind == ExtentKind.Data ? ExtentKind.Data : ExtentKind.Zero);
            }
        }

        if (present < length)
        {
            yield return new Extent(position + present, length - present, ExtentKind.Zero);
        }
    }

    private IEnumerable<Extent> ParentExtents(long position, long length)
    {
        var present = Math.Clamp((Parent?.Length ?? 0) - position, 0, length);
        if (Parent is not null && present > 0)
        {
            foreach (var extent in Parent.GetExtents(new GuestOffset(position), present))
            {
                yield return extent;
            }
        }

        if (present < length)
        {
            yield return new Extent(position + present, length - present, ExtentKind.Hole);
        }
    }

    /// <summary>What a smaller parent does not have is zero.</summary>
    private void ReadParent(long position, Span<byte> buffer)
    {
        var present = (int)Math.Clamp((Parent?.Length ?? 0) - position, 0, buffer.Length);
        if (present > 0)
        {
            Parent?.Read(new GuestOffset(position), buffer[..present]);
        }

        buffer[present..].Clear();
    }

    private void ReadStored(long offset, Span<byte> buffer)
    {
        var store = DataStore;
        var present = (int)Math.Clamp(store.Length - offset, 0, buffer.Length);
        store.Read(new GuestOffset(Math.Min(offset, store.Length)), buffer[..present]);
        buffer[present..].Clear();
    }
}
