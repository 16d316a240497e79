using Rehost.Blocks;
using Rehost.Blocks.Checksums;

namespace Rehost.Archives.Seekable;

/// <summary>One decoder on its way through a gzip file (RFC 1952, any number of members), from its start or from a noted place.</summary>
internal sealed class GzipRun
{
    private readonly CompressedInput _input;
    private readonly long _origin;
    private readonly bool _verifies;
    private Crc32 _crc = new();
    private uint _length;
    private Inflater? _inflater;
    private long _members;
    private ReadOnlyMemory<byte> _pending;

    /// <summary>Starts at the beginning; checks what the members' trailers say.</summary>
    public GzipRun(IBlockDevice file, string name)
    {
        _input = new CompressedInput(new DeviceStream(file, 0), name);
        _verifies = true;
    }

    /// <summary>Goes on from a place whose content was verified before.</summary>
    public GzipRun(IBlockDevice file, string name, GzipRestartPoint point)
    {
        _origin = point.BitPosition / 8;
        _input = new CompressedInput(new DeviceStream(file, _origin), name);
        Position = point.Position;
        _inflater = new Inflater(_input);
        _inflater.Resume(point.History, (int)(point.BitPosition % 8));
    }

    /// <summary>Bytes handed out.</summary>
    public long Position { get; private set; }

    /// <summary>Compressed bytes read.</summary>
    public long CompressedPosition => _origin + _input.Position;

    /// <summary>Whether everything was decoded.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Whether a place to go on from is wanted soon.</summary>
    public bool WantsPoint { get; set; }

    /// <summary>Hands out up to so many bytes; none only at the end. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Next(long most)
    {
        if (_pending.IsEmpty)
        {
            _pending = NextChunk();
        }

        var part = _pending[..(int)Math.Min(most, _pending.Length)];
        _pending = _pending[part.Length..];
        Position += part.Length;
        return part.Span;
    }

    /// <summary>A place to go on from, when the decoder stands between two blocks; else null.</summary>
    public GzipRestartPoint? TryMark()
        => _pending.IsEmpty && _inflater is { IsBetweenBlocks: true } inflater ? new GzipRestartPoint(Position, (_origin * 8) + inflater.BitPosition, inflater.CopyHistory()) : null;

    private ReadOnlyMemory<byte> NextChunk()
    {
        try
        {
            while (!IsComplete)
            {
                if (_inflater is null)
                {
                    GzipDecoder.ReadHeader(_input);
                    _inflater = new Inflater(_input);
                }

                _inflater.StopsAtBlock = WantsPoint;
                var chunk = _inflater.NextChunk();
                if (!chunk.IsEmpty)
                {
                    if (_verifies)
                    {
                        _crc.Append(chunk.Span);
                        _length = unchecked(_length + (uint)chunk.Length);
                    }

                    return chunk;
                }

                EndMember();
            }

            return default;
        }
        catch (Exception e) when (e is IndexOutOfRangeException or ArgumentException or OverflowException)
        {
            // As in DecompressionStream: the inner loops rely on the runtime's bounds checks.
            throw ArchiveDiagnostics.Corrupt.ToException($"the data refers to something outside its bounds, near compressed offset {CompressedPosition}", _input.Where, e);
        }
    }

    private void EndMember()
    {
        var storedCrc = _input.ReadUInt32();
        var storedLength = _input.ReadUInt32();
        if (_verifies && _crc.Value != storedCrc)
        {
            throw _input.Mismatch("CRC-32 of a gzip member", _crc.Value, storedCrc);
        }

        if (_verifies && _length != storedLength)
        {
            throw _input.Corrupt($"a gzip member decodes to {_length} bytes (modulo 2^32), its trailer says {storedLength}");
        }

        if (MemberDecoder.AreTooMany(++_members, Position))
        {
            throw _input.Unsupported($"{_members} members have {Position} bytes between them");
        }

        (_inflater, _crc, _length) = (null, new Crc32(), 0);
        IsComplete = Decompressor.Detect(_input.Peek(Decompressor.DetectLength)) != CompressionKind.Gzip;
        if (IsComplete && _input.Peek(Decompressor.DetectLength).ContainsAnyExcept((byte)0))
        {
            throw _input.Corrupt("something else follows the last gzip member");
        }
    }
}

/// <summary>A place between two blocks of deflate.</summary>
/// <param name="Position">Decoded bytes before it.</param>
/// <param name="BitPosition">First bit of the block in the file.</param>
/// <param name="History">Content before it, as far as matches may reach.</param>
internal sealed record GzipRestartPoint(long Position, long BitPosition, byte[] History);
