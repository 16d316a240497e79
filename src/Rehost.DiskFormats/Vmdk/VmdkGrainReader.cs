using System.Buffers;
using Rehost.Blocks;
using Rehost.DiskFormats.Compression;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>
/// Reads deflated grains, from any number of threads. Neighbours on the disk are neighbours in a stream, so that many of them come with one read of the
/// file, and each is inflated straight to where it is wanted. libdeflate and zlib verify the Adler-32 of each.
/// </summary>
internal sealed class VmdkGrainReader(IBlockDevice file, string name, VmdkGrainMap map, bool hasMarkers, long diskLength)
{
    private const int RunGrainsMax = 64;
    private const int RunBytesMax = 4 << 20;
    private const int CacheBytes = 2 << 20;
    private readonly CachedGrain?[] _cache = new CachedGrain?[Math.Max(1, CacheBytes / map.GrainBytes)];

    private int GrainBytes => map.GrainBytes;

    private int MarkerBytes => hasMarkers ? VmdkMarker.GrainHeaderSize : 0;

    /// <summary>The most that a grain can take in the file; deflate never grows content so much.</summary>
    private int StoredMax => MarkerBytes + (2 * GrainBytes);

    /// <summary>Reads a compressed grain and those that follow it, as many as fit whole; returns the bytes read.</summary>
    public int ReadWhole(long first, Span<byte> buffer)
    {
        Span<long> offsets = stackalloc long[RunGrainsMax + 1];
        var count = 0;
        long end = 0;
        for (var wanted = Math.Min(RunGrainsMax, buffer.Length / GrainBytes); count <= wanted; count++)
        {
            // The one behind the last wanted tells where that ends.
            var grain = (first + count) * GrainBytes < diskLength ? map.Locate(first + count) : default;
            var isNear = count == 0 || (grain.Offset > offsets[count - 1] && grain.Offset <= offsets[count - 1] + StoredMax && grain.Offset - offsets[0] <= RunBytesMax);
            end = grain.Kind == VmdkGrainKind.Compressed && isNear ? grain.Offset : 0;
            if (end == 0 || count == wanted)
            {
                break;
            }

            offsets[count] = end;
        }

        if (end == 0)
        {
            end = Math.Min(file.Length, offsets[count - 1] + MarkerBytes + GrainBytes + (GrainBytes / 64) + VmdkHeader.SectorSize);
        }

        var stored = ArrayPool<byte>.Shared.Rent((int)(end - offsets[0]));
        try
        {
            var bytes = stored.AsSpan(0, (int)(end - offsets[0]));
            file.Read(new GuestOffset(offsets[0]), bytes);
            for (var i = 0; i < count; i++)
            {
                var content = buffer.Slice(i * GrainBytes, GrainBytes);
                if (!TryInflate(first + i, offsets[i], bytes[(int)(offsets[i] - offsets[0])..], content, GrainBytes))
                {
                    ReadOne(first + i, offsets[i], content, GrainBytes);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }

        return count * GrainBytes;
    }

    /// <summary>Reads a part of a compressed grain; the grain is kept for what comes next.</summary>
    public void ReadPart(long number, int within, Span<byte> buffer)
    {
        ref var place = ref _cache[number % _cache.Length];
        var cached = Volatile.Read(ref place);
        if (cached is null || cached.Number != number)
        {
            // The last grain of a disk may be stored with what the disk has of it, or whole.
            var needed = (int)Math.Min(GrainBytes, diskLength - (number * GrainBytes));
            cached = new CachedGrain(number, new byte[GrainBytes]);
            ReadOne(number, map.Locate(number).Offset, cached.Content, needed);
            Volatile.Write(ref place, cached);
        }

        cached.Content.AsSpan(within, buffer.Length).CopyTo(buffer);
    }

    /// <summary>Reads one grain and returns the bytes that it takes in the file, marker included. For the check.</summary>
    public long Verify(long number, long offset, Span<byte> content) => ReadOne(number, offset, content, (int)Math.Min(GrainBytes, diskLength - (number * GrainBytes)));

    private long ReadOne(long number, long offset, Span<byte> content, int needed)
    {
        var length = (int)Math.Min(StoredMax, file.Length - offset);
        if (hasMarkers)
        {
            Span<byte> head = stackalloc byte[VmdkMarker.GrainHeaderSize];
            if (length < head.Length)
            {
                throw VmdkDiagnostics.BadGrain.ToException($"grain {number} at byte {offset} is cut off by the end of the file", name);
            }

            file.Read(new GuestOffset(offset), head);
            var size = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(head[8..]);
            if (size == 0 || size > length - MarkerBytes)
            {
                throw VmdkDiagnostics.BadGrain.ToException($"the marker of grain {number} at byte {offset} tells of {size} bytes, and there is room for {length - MarkerBytes}", name);
            }

            length = MarkerBytes + (int)size;
        }

        var stored = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            file.Read(new GuestOffset(offset), stored.AsSpan(0, length));
            return TryInflate(number, offset, stored.AsSpan(0, length), content, needed)
                ? length
                : throw VmdkDiagnostics.BadGrain.ToException($"grain {number} at byte {offset} is cut off", name);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    /// <summary>Inflates a grain; false when its end is not in the bytes given.</summary>
    private bool TryInflate(long number, long offset, ReadOnlySpan<byte> stored, Span<byte> content, int needed)
    {
        var size = stored.Length;
        if (hasMarkers)
        {
            if (stored.Length < VmdkMarker.GrainHeaderSize)
            {
                return false;
            }

            var sector = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(stored);
            var stated = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(stored[8..]);
            if (sector != (ulong)(number * (GrainBytes / VmdkHeader.SectorSize)))
            {
                throw VmdkDiagnostics.BadGrain.ToException($"the marker of grain {number} at byte {offset} is that of sector {sector}", name);
            }

            if (stated > stored.Length - MarkerBytes)
            {
                return false;
            }

            size = (int)stated;
        }

        var written = DeflateLibrary.Decompress(stored.Slice(MarkerBytes, size), content, hasZlibHeader: true);
        if (written < needed)
        {
            // Without markers the end is only guessed, and a longer piece may do better.
            return !hasMarkers && size < StoredMax && offset + size < file.Length
                ? false
                : throw VmdkDiagnostics.BadGrain.ToException($"the {size} compressed bytes of grain {number} at byte {offset} give {(written < 0 ? "no content, too much, or content with another checksum" : $"{written} bytes where {needed} are needed")}", name);
        }

        return true;
    }

    private sealed record CachedGrain(long Number, byte[] Content);
}
