using Rehost.Archives.Seekable;
using Rehost.Archives.Tar;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Tar;

/// <summary>
/// Lists the plain files of a tar archive in one pass that reads headers only: a window of a few kilobytes at each member, never the data between.
/// Tolerates ustar, GNU long names and sizes, and pax headers; refuses links, devices and names that lead out of the archive. An archive that is
/// compressed grows as far as its headers say, and no further.
/// </summary>
internal sealed class TarReader(IBlockDevice file, string archive)
{
    private const int WindowSize = 4096;
    private const int MaxExtendedHeader = 64 * 1024;
    private const long MaxTrailingScan = 4 << 20;

    private readonly IGrowingDevice? _growing = file as IGrowingDevice;
    private readonly byte[] _window = new byte[WindowSize];
    private long _windowStart = -1;
    private int _windowLength;
    private CancellationToken _cancellationToken;

    /// <summary>Directories seen so far; they are no members that anybody reads.</summary>
    public int DirectoryCount { get; private set; }

    /// <summary>The members in order.</summary>
    public IEnumerable<TarMember> ReadMembers(CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        long position = 0;
        string? longName = null;
        long? longSize = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (IsEnd(position))
            {
                CheckTrailingData(position);
                yield break;
            }

            var offset = new FileOffset(position);
            var (type, headerName, headerSize) = ReadHeader(offset);
            var data = position + TarHeader.BlockSize;
            var isExtension = type is (byte)'x' or (byte)'g' or (byte)'L' or (byte)'K';
            var size = isExtension ? headerSize : longSize ?? headerSize;
            if (size > long.MaxValue - data - TarHeader.BlockSize)
            {
                throw TarDiagnostics.BadNumber.ToException($"the member '{headerName}' at {offset} has {size} bytes", archive);
            }

            // What a compressed archive announces is looked at by the caller first: it may be absurd.
            if (isExtension || _growing is null)
            {
                DemandContent(headerName, offset, data, size);
            }

            position = data + ((size + TarHeader.BlockSize - 1) / TarHeader.BlockSize * TarHeader.BlockSize);
            switch (type)
            {
                case (byte)'x':
                    var extended = PaxHeader.Parse(ReadExtension(offset, size), offset, archive);
                    if (extended.SparseKey is { } sparse)
                    {
                        throw TarDiagnostics.UnsupportedMember.ToException($"the member after {offset} is stored sparse ('{sparse}'), which exports never are", archive);
                    }

                    (longName, longSize) = (extended.Path ?? longName, extended.Size ?? longSize);
                    continue;
                case (byte)'g' or (byte)'K':
                    continue;
                case (byte)'L':
                    longName = GuestText.Decode(ReadExtension(offset, size).AsSpan().TrimEnd((byte)0));
                    continue;
            }

            var name = SafeName(longName ?? headerName, offset);
            (longName, longSize) = (null, null);
            switch (type)
            {
                case 0 or (byte)'0' or (byte)'7':
                    yield return new TarMember(name, new FileOffset(data), size);
                    DemandContent(name, offset, data, size);
                    break;
                case (byte)'5' when size == 0:
                    DirectoryCount++;
                    break;
                default:
                    throw TarDiagnostics.UnsupportedMember.ToException($"the member '{name}' at {offset} is of type '{(char)type}', only plain files ('0') are read", archive);
            }
        }
    }

    private (byte Type, string Name, long Size) ReadHeader(FileOffset offset)
    {
        var header = new TarHeader(Block(offset.Value), offset, archive);
        return (header.TypeFlag, header.Name, header.Size);
    }

    private bool Reaches(long end) => end <= file.Length || (_growing?.Grow(end, _cancellationToken) ?? false);

    private void DemandContent(string name, FileOffset offset, long data, long size)
    {
        if (!Reaches(data + size))
        {
            throw TarDiagnostics.Truncated.ToException(
                $"the member '{name}' at {offset} has {size} bytes, only {Math.Max(0, file.Length - data)} are left in a file of {file.Length}", archive);
        }
    }

    /// <summary>A block of zeros ends an archive; two are customary, one is enough for us.</summary>
    private bool IsEnd(long position)
    {
        if (!Reaches(position + TarHeader.BlockSize))
        {
            throw TarDiagnostics.Truncated.ToException($"the file ends at {file.Length} without the block of zeros that ends an archive", archive);
        }

        return !Block(position).ContainsAnyExcept((byte)0);
    }

    private ReadOnlySpan<byte> Block(long position)
    {
        if (_windowStart < 0 || position < _windowStart || position + TarHeader.BlockSize > _windowStart + _windowLength)
        {
            _windowLength = (int)Math.Min(WindowSize, file.Length - position);
            file.Read(new GuestOffset(position), _window.AsSpan(0, _windowLength));
            _windowStart = position;
        }

        return _window.AsSpan((int)(position - _windowStart), TarHeader.BlockSize);
    }

    private byte[] ReadExtension(FileOffset offset, long size)
    {
        if (size > MaxExtendedHeader)
        {
            throw TarDiagnostics.BadExtendedHeader.ToException($"the extended header at {offset} has {size} bytes, at most {MaxExtendedHeader} are read", archive);
        }

        var bytes = new byte[size];
        file.Read(new GuestOffset(offset.Value + TarHeader.BlockSize), bytes);
        return bytes;
    }

    private string SafeName(string name, FileOffset offset)
    {
        while (name.StartsWith("./", StringComparison.Ordinal))
        {
            name = name[2..];
        }

        if (name.StartsWith('/') || name.Split('/').Contains("..") || name.Contains('\0', StringComparison.Ordinal))
        {
            throw TarDiagnostics.UnsafeName.ToException($"the member at {offset} is called '{name}'", archive);
        }

        return name;
    }

    /// <summary>Padding of zeros up to tar's record size is customary; anything else means that the file is not what was exported.</summary>
    private void CheckTrailingData(long position)
    {
        var buffer = new byte[64 * 1024];
        Reaches(position + MaxTrailingScan);
        var end = Math.Min(file.Length, position + MaxTrailingScan);
        for (; position < end; position += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - position));
            file.Read(new GuestOffset(position), part);
            if (part.IndexOfAnyExcept((byte)0) is var at and >= 0)
            {
                throw TarDiagnostics.TrailingData.ToException($"the archive is over, but byte {position + at} of {file.Length} is not zero", archive);
            }
        }
    }
}
