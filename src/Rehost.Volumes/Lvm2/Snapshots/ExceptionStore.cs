using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2.Snapshots;

/// <summary>
/// Where a snapshot of the old kind keeps the chunks in which it differs from its origin (drivers/md/dm-snap-persistent.c): a header in chunk 0; then areas, each a chunk
/// of entries "chunk of the origin, chunk here", followed by the chunks that its entries lead to. An entry that leads to chunk 0 is the end. Safe to call from several threads.
/// </summary>
internal sealed class ExceptionStore
{
    private const uint Magic = 0x70416e53;
    private const uint Version = 1;
    private const int EntryLength = 16;
    private const int HeaderLength = 16;
    private const int Sector = 512;
    private const long MaximumChunk = 16 << 20;

    private readonly IBlockDevice _device;
    private readonly long _originLength;
    private readonly long _perArea;
    private readonly long _chunks;
    private readonly bool _isNew;
    private readonly Lock _gate = new();
    private Dictionary<long, long>? _exceptions;
    private long _next = 2;

    /// <summary>Reads the header; the entries are read when they are needed first.</summary>
    /// <param name="name">The snapshot, for messages.</param>
    /// <param name="device">The store.</param>
    /// <param name="originLength">Bytes of the origin that the snapshot shows.</param>
    /// <param name="chunkBytes">Bytes of a chunk as the group has it, for a store that was never used.</param>
    /// <exception cref="DiagnosticException">The header is no header (VOL005), or of a version that is not known (VOL001).</exception>
    public ExceptionStore(string name, IBlockDevice device, long originLength, long chunkBytes)
    {
        Name = name;
        _device = device;
        _originLength = originLength;
        Span<byte> header = stackalloc byte[HeaderLength];
        device.Read(GuestOffset.Zero, header);
        var magic = BinaryPrimitives.ReadUInt32LittleEndian(header);
        _isNew = magic == 0;
        if (!_isNew && magic != Magic)
        {
            throw VolumeDiagnostics.Damaged.ToException($"the store of the snapshot begins with {magic:x8} instead of {Magic:x8}", name);
        }

        if (!_isNew && BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) is var version and not Version)
        {
            throw VolumeDiagnostics.Unsupported.ToException($"the store of the snapshot is of version {version}", name);
        }

        // The kernel believes the header where the group says otherwise.
        ChunkBytes = _isNew ? chunkBytes : (long)BinaryPrimitives.ReadUInt32LittleEndian(header[12..]) * Sector;
        IsValid = _isNew || BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != 0;
        _perArea = ChunkBytes / EntryLength;
        if (ChunkBytes is < Sector or > MaximumChunk || !long.IsPow2(ChunkBytes) || device.Length / ChunkBytes < 3)
        {
            throw VolumeDiagnostics.Damaged.ToException($"the store of the snapshot has {device.Length} bytes in chunks of {ChunkBytes}", name);
        }

        _chunks = device.Length / ChunkBytes;
    }

    /// <summary>The snapshot.</summary>
    public string Name { get; }

    /// <summary>Bytes of a chunk; a power of two.</summary>
    public long ChunkBytes { get; }

    /// <summary>False when the store ran full: the kernel has given the snapshot up, and copies nothing to it any more.</summary>
    public bool IsValid { get; }

    public bool CanWrite => _device.CanWrite;

    private long Stride => _perArea + 1;

    /// <summary>Where a chunk is kept; null when the snapshot shows what the origin has.</summary>
    public (IBlockDevice Device, long Offset)? Find(long chunk)
    {
        lock (_gate)
        {
            return Exceptions().TryGetValue(chunk, out var stored) ? (_device, stored * ChunkBytes) : null;
        }
    }

    /// <summary>Refuses, before anything is written, what would not fit: the kernel would give the snapshot up instead.</summary>
    /// <exception cref="DiagnosticException">There is no room for the chunks of a range that are not kept yet (VOL014).</exception>
    public void DemandRoom(long offset, long length)
    {
        lock (_gate)
        {
            var needed = Missing(offset, length).LongCount();
            var free = FreeChunks();
            if (needed > free)
            {
                throw VolumeDiagnostics.SnapshotFull.ToException(
                    $"a write of {length} bytes at {offset} needs {needed} chunks of {ChunkBytes} bytes in the snapshot's store, where {free} of {_chunks} are free", Name);
            }
        }
    }

    /// <summary>Copies the chunks of a range that are not kept yet from the origin, as it must be done before the origin is written there.</summary>
    public void Preserve(IBlockDevice origin, long offset, long length)
    {
        lock (_gate)
        {
            byte[]? buffer = null;
            foreach (var chunk in Missing(offset, length).ToList())
            {
                buffer ??= new byte[ChunkBytes];
                var content = buffer.AsSpan(0, (int)Math.Min(ChunkBytes, origin.Length - (chunk * ChunkBytes)));
                origin.Read(new GuestOffset(chunk * ChunkBytes), content);
                _device.Write(new GuestOffset(_next * ChunkBytes), content);
                Commit(chunk);
            }
        }
    }

    public void Flush() => _device.Flush();

    private IEnumerable<long> Missing(long offset, long length)
    {
        var exceptions = Exceptions();
        var end = Math.Min(offset + length, _originLength);
        for (var chunk = offset / ChunkBytes; chunk * ChunkBytes < end; chunk++)
        {
            if (!exceptions.ContainsKey(chunk))
            {
                yield return chunk;
            }
        }
    }

    /// <summary>
    /// Chunks that can still be taken in. Besides chunks, entries must last: the one that fills an area needs the next area in the store, because the kernel
    /// clears that one first and looks into it when it reads the entries.
    /// </summary>
    private long FreeChunks()
    {
        var used = Exceptions().Count;
        var areas = (_chunks - 2) / Stride + 1;
        var areasAhead = areas - Math.Min(areas, (_next - 1 + Stride - 1) / Stride);
        return Math.Max(0, Math.Min(_chunks - _next - areasAhead, (areas * _perArea) - 1 - used));
    }

    /// <summary>Writes the entry for the chunk at the next free place, and moves on.</summary>
    private void Commit(long chunk)
    {
        var exceptions = Exceptions();
        if (_isNew && exceptions.Count == 0)
        {
            Initialize();
        }

        Span<byte> entry = stackalloc byte[EntryLength];
        BinaryPrimitives.WriteInt64LittleEndian(entry, chunk);
        BinaryPrimitives.WriteInt64LittleEndian(entry[8..], _next);
        var (area, index) = Math.DivRem((long)exceptions.Count, _perArea);
        if (index == _perArea - 1)
        {
            // What ends the entries must be there before the last place that could end them is taken.
            _device.WriteZeros(AreaOffset(area + 1), ChunkBytes);
        }

        _device.Write(new GuestOffset(AreaOffset(area).Value + (index * EntryLength)), entry);
        exceptions.Add(chunk, _next);
        _next = SkipArea(_next + 1);
    }

    /// <summary>What the kernel does when it meets a store of zeros: a header, and an area without entries.</summary>
    private void Initialize()
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], (uint)(ChunkBytes / Sector));
        _device.WriteZeros(AreaOffset(0), ChunkBytes);
        _device.Write(GuestOffset.Zero, header);
    }

    private Dictionary<long, long> Exceptions()
    {
        if (_exceptions is { } known)
        {
            return known;
        }

        var exceptions = new Dictionary<long, long>();
        var next = 2L;
        var area = new byte[ChunkBytes];
        for (var number = 0L; !_isNew; number++)
        {
            if (1 + (number * Stride) >= _chunks)
            {
                throw VolumeDiagnostics.Damaged.ToException($"the snapshot's entries do not end in its store of {_chunks} chunks", Name);
            }

            _device.Read(AreaOffset(number), area);
            if (!ReadArea(area, exceptions, ref next))
            {
                break;
            }
        }

        _next = SkipArea(next);
        return _exceptions = exceptions;
    }

    /// <summary>Takes the entries of an area; false when their end is in it.</summary>
    private bool ReadArea(ReadOnlySpan<byte> area, Dictionary<long, long> exceptions, ref long next)
    {
        for (; !area.IsEmpty; area = area[EntryLength..])
        {
            var from = BinaryPrimitives.ReadUInt64LittleEndian(area);
            var to = BinaryPrimitives.ReadUInt64LittleEndian(area[8..]);
            if (to == 0)
            {
                return false;
            }

            if (to < 2 || to >= (ulong)_chunks || to % (ulong)Stride == 1 || from > long.MaxValue || !exceptions.TryAdd((long)from, (long)to))
            {
                throw VolumeDiagnostics.Damaged.ToException($"an entry leads from chunk {from} of the origin to chunk {to} of {_chunks}, or is there twice", Name);
            }

            next = Math.Max(next, (long)to + 1);
        }

        return true;
    }

    private long SkipArea(long chunk) => chunk % Stride == 1 ? chunk + 1 : chunk;

    private GuestOffset AreaOffset(long area) => new((1 + (area * Stride)) * ChunkBytes);
}
