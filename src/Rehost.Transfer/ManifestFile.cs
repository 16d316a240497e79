using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>The manifest as a file: docs/formats/manifest.md. Little-endian, no clock, no names, closed by a SHA-256 over everything before.</summary>
internal static class ManifestFile
{
    /// <summary>2 since some of a disk may be left out, 3 since it tells of the source and of each change; older ones are read too.</summary>
    private const uint Version = 3;
    private const int HeaderSize = 128;
    private const int SecondHeaderSize = 88;
    private const int LongestName = 4096;
    private const int FirstHeaderSize = 80;
    private const ulong ZeroRun = 1UL << 63;

    private static ReadOnlySpan<byte> Magic => "RHSTMANI"u8;

    public static void Write(BlockManifest manifest, IImageFile file)
    {
        using var output = new HashedOutput(file);
        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], BlockManifest.BlockSize);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], manifest.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], manifest.Mapping.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], manifest.ChangedRanges.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], manifest.Hashes.Runs.Count);
        manifest.Root.AsSpan().CopyTo(header[48..]);
        BinaryPrimitives.WriteInt64LittleEndian(header[80..], manifest.FreedRanges.Length);
        manifest.SourceRoot.AsSpan().CopyTo(header[88..]);
        BinaryPrimitives.WriteInt64LittleEndian(header[120..], manifest.Touched.Length);
        output.Write(header);
        foreach (var range in manifest.Mapping)
        {
            output.Write(range.TargetOffset);
            output.Write(range.SourceOffset);
            output.Write(range.Length);
        }

        foreach (var range in manifest.ChangedRanges.Concat(manifest.FreedRanges))
        {
            output.Write(range.Offset);
            output.Write(range.Length);
        }

        foreach (var touched in manifest.Touched)
        {
            var name = NameOf(touched);
            output.Write(name.Length);
            output.Write(touched.Ranges.Length);
            output.Write(name);
            foreach (var range in touched.Ranges)
            {
                output.Write(range.Offset);
                output.Write(range.Length);
            }
        }

        foreach (var run in manifest.Hashes.Runs)
        {
            output.Write(unchecked((long)((ulong)run.Count | (run.IsZero ? ZeroRun : 0))));
        }

        for (var i = 0L; i < manifest.Hashes.StoredCount; i++)
        {
            output.Write(manifest.Hashes.Stored(i));
        }

        output.Complete();
    }

    public static BlockManifest Read(IBlockDevice file, string name)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        Demand(file.Length >= FirstHeaderSize + BlockManifest.HashSize, $"it has {file.Length} bytes", name);
        file.Read(GuestOffset.Zero, header[..FirstHeaderSize]);
        Demand(header.StartsWith(Magic), "it does not start with the magic number", name);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version is 0 or > Version)
        {
            throw TransferDiagnostics.ManifestVersion.ToException($"version {version}; {Version} and older are read", name);
        }

        var size = version switch { 1 => FirstHeaderSize, 2 => SecondHeaderSize, _ => HeaderSize };
        Demand(file.Length >= size + BlockManifest.HashSize, $"it has {file.Length} bytes", name);
        file.Read(GuestOffset.Zero, header[..size]);

        CheckSeal(file, name);
        Demand(BinaryPrimitives.ReadInt32LittleEndian(header[12..]) == BlockManifest.BlockSize, "blocks are not 64 KiB", name);
        var length = BinaryPrimitives.ReadInt64LittleEndian(header[16..]);
        Demand(length is >= 0 and <= long.MaxValue >> 1, $"a disk of {length} bytes", name);
        var input = new Input(file, size, name);
        var mapping = ReadMapping(input, input.Count(header[24..], 24), length, name);
        var changed = ReadRanges(input, input.Count(header[32..], 16), length, "changed", name);
        var freed = ReadRanges(input, input.Count(header[80..], 16), length, "freed", name);
        var touched = version < 3 ? [] : ReadTouched(input, input.Count(header[120..], 16), length, name);
        var hashes = ReadHashes(input, input.Count(header[40..], 8), (length + BlockManifest.BlockSize - 1) / BlockManifest.BlockSize, name);
        Demand(input.Left == BlockManifest.HashSize, $"{input.Left} bytes are left where the closing hash has {BlockManifest.HashSize}", name);
        var manifest = new BlockManifest(length, hashes, mapping, changed, freed, header.Slice(88, BlockManifest.HashSize).ContainsAnyExcept((byte)0) ? [.. header.Slice(88, BlockManifest.HashSize)] : [], touched);
        Demand(manifest.Root.AsSpan().SequenceEqual(header.Slice(48, BlockManifest.HashSize)), "the root is not that of the hashes", name);
        return manifest;
    }

    private static ImmutableArray<MappedRange> ReadMapping(Input input, int count, long length, string name)
    {
        var mapping = ImmutableArray.CreateBuilder<MappedRange>();
        long last = 0;
        for (var i = 0; i < count; i++)
        {
            var (target, source, bytes) = (input.Number(), input.Number(), input.Number());
            Demand(target >= last && source >= 0 && bytes > 0 && bytes <= length - target && source <= long.MaxValue - bytes, $"mapping {i} is {target}, {source}, {bytes}", name);
            mapping.Add(new MappedRange(target, source, bytes));
            last = target + bytes;
        }

        return mapping.ToImmutable();
    }

    private static ImmutableArray<ByteRange> ReadRanges(Input input, int count, long length, string kind, string name)
    {
        var ranges = ImmutableArray.CreateBuilder<ByteRange>();
        long last = 0;
        for (var i = 0; i < count; i++)
        {
            var (offset, bytes) = (input.Number(), input.Number());
            Demand(offset >= last && bytes > 0 && bytes <= length - offset, $"{kind} range {i} is {offset}, {bytes}", name);
            ranges.Add(new ByteRange(offset, bytes));
            last = offset + bytes;
        }

        return ranges.ToImmutable();
    }

    private static byte[] NameOf(TouchedRanges touched)
    {
        var name = GuestText.Encode(touched.Change);
        return name.Length <= LongestName ? name : name[..LongestName];
    }

    private static ImmutableArray<TouchedRanges> ReadTouched(Input input, int count, long length, string name)
    {
        var touched = ImmutableArray.CreateBuilder<TouchedRanges>();
        for (var i = 0; i < count; i++)
        {
            var (bytes, ranges) = (input.Number(), input.Number());
            Demand(bytes is >= 0 and <= LongestName && ranges >= 0 && ranges <= (input.Left - bytes) / 16, $"change {i} has a name of {bytes} bytes and {ranges} ranges", name);
            var change = GuestText.Decode(input.Take((int)bytes));
            touched.Add(new TouchedRanges(change, ReadRanges(input, checked((int)ranges), length, "touched", name)));
        }

        return touched.ToImmutable();
    }

    private static BlockHashes ReadHashes(Input input, int count, long blocks, string name)
    {
        var runs = new List<(long Count, bool IsZero)>();
        long total = 0;
        for (var i = 0; i < count; i++)
        {
            var value = unchecked((ulong)input.Number());
            var run = (Count: (long)(value & ~ZeroRun), IsZero: (value & ZeroRun) != 0);
            Demand(run.Count > 0 && run.Count <= blocks - total && (i == 0 || runs[^1].IsZero != run.IsZero), $"run {i} has {run.Count} blocks", name);
            runs.Add(run);
            total += run.Count;
        }

        Demand(total == blocks, $"hashes of {total} blocks, the disk has {blocks}", name);
        var hashes = new BlockHashes();
        foreach (var run in runs)
        {
            if (run.IsZero)
            {
                hashes.AddZeros(run.Count);
                continue;
            }

            Demand(run.Count <= input.Left / BlockManifest.HashSize, "hashes are missing", name);
            for (var i = 0L; i < run.Count; i++)
            {
                hashes.Add(input.Take(BlockManifest.HashSize));
            }
        }

        return hashes;
    }

    private static void CheckSeal(IBlockDevice file, string name)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[64 * 1024];
        var end = file.Length - BlockManifest.HashSize;
        for (long at = 0; at < end; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at));
            file.Read(new GuestOffset(at), part);
            hash.AppendData(part);
        }

        var needed = buffer.AsSpan(0, BlockManifest.HashSize);
        file.Read(new GuestOffset(end), needed);
        Demand(needed.SequenceEqual(hash.GetHashAndReset()), "its closing hash does not match: it was changed or cut", name);
    }

    private static void Demand(bool condition, string found, string name)
    {
        if (!condition)
        {
            throw TransferDiagnostics.BadManifest.ToException(found, name);
        }
    }

    /// <summary>Buffered reading in order; never beyond the file.</summary>
    private sealed class Input(IBlockDevice file, long position, string name)
    {
        private readonly byte[] _buffer = new byte[64 * 1024];
        private long _position = position;
        private int _at;
        private int _fill;

        public long Left => file.Length - _position + (_fill - _at);

        public int Count(ReadOnlySpan<byte> field, int entrySize)
        {
            var count = BinaryPrimitives.ReadInt64LittleEndian(field);
            Demand(count >= 0 && count <= Left / entrySize, $"a list of {count} entries", name);
            return checked((int)count);
        }

        public long Number() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

        public ReadOnlySpan<byte> Take(int count)
        {
            Demand(count <= Left, "it ends too early", name);
            if (_fill - _at < count)
            {
                _buffer.AsSpan(_at, _fill - _at).CopyTo(_buffer);
                (_fill, _at) = (_fill - _at, 0);
                var more = (int)Math.Min(_buffer.Length - _fill, file.Length - _position);
                file.Read(new GuestOffset(_position), _buffer.AsSpan(_fill, more));
                _position += more;
                _fill += more;
            }

            _at += count;
            return _buffer.AsSpan(_at - count, count);
        }
    }

    /// <summary>Buffered writing in order, hashing on the way.</summary>
    private sealed class HashedOutput(IImageFile file) : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly byte[] _buffer = new byte[64 * 1024];
        private long _position;
        private int _fill;

        public void Write(long value)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            Write(bytes);
        }

        public void Write(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length > _buffer.Length - _fill)
            {
                Flush();
            }

            bytes.CopyTo(_buffer.AsSpan(_fill));
            _fill += bytes.Length;
        }

        public void Complete()
        {
            Flush();
            file.Write(new FileOffset(_position), _hash.GetHashAndReset());
            file.Flush();
        }

        public void Dispose() => _hash.Dispose();

        private void Flush()
        {
            _hash.AppendData(_buffer, 0, _fill);
            file.Write(new FileOffset(_position), _buffer.AsSpan(0, _fill));
            _position += _fill;
            _fill = 0;
        }
    }
}
