using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs.Compression;

/// <summary>Bits from 16-bit little-endian words, the highest bit first; past the end they are zeros. Bytes in between are read from where the words go on.</summary>
internal ref struct WordBits(ReadOnlySpan<byte> data)
{
    private readonly ReadOnlySpan<byte> _data = data;
    private int _position;
    private uint _bits;
    private int _count;
    private int _pastEnd;

    /// <summary>Whether more was asked for than there is; a word or two are, as decoders look ahead.</summary>
    internal readonly bool IsExhausted => _pastEnd > 2;

    internal uint Peek(int count)
    {
        Fill(count);
        return count == 0 ? 0 : _bits >> (32 - count);
    }

    internal void Skip(int count)
    {
        _bits = count == 32 ? 0 : _bits << count;
        _count -= count;
    }

    internal uint Read(int count)
    {
        var value = Peek(count);
        Skip(count);
        return value;
    }

    internal int Read(HuffmanDecoder code)
    {
        var symbol = code.SymbolAt(Peek(code.Longest));
        Skip(code.LengthOf(symbol));
        return symbol;
    }

    /// <summary>Makes sure that so many bits are in memory: the XPRESS format reads words ahead at fixed moments.</summary>
    internal void Fill(int count)
    {
        while (_count < count)
        {
            uint word = 0;
            if (_position + 2 <= _data.Length)
            {
                word = BinaryPrimitives.ReadUInt16LittleEndian(_data[_position..]);
            }
            else
            {
                _pastEnd++;
            }

            _position += 2;
            _bits |= word << (16 - _count);
            _count += 16;
        }
    }

    /// <summary>A byte from where the next word would be read; -1 at the end.</summary>
    internal int ReadByte() => _position < _data.Length ? _data[_position++] : -1;

    /// <summary>Two bytes from where the next word would be read; -1 at the end.</summary>
    internal int ReadWord()
    {
        if (_position + 2 > _data.Length)
        {
            return -1;
        }

        var word = BinaryPrimitives.ReadUInt16LittleEndian(_data[_position..]);
        _position += 2;
        return word;
    }

    /// <summary>Drops the rest of the current word, a whole one when there is none begun.</summary>
    internal void Align()
    {
        Fill(1);
        (_bits, _count) = (0, 0);
    }

    /// <summary>Bytes from where the next word would be read; empty when there are not so many.</summary>
    internal ReadOnlySpan<byte> ReadBytes(int count)
    {
        if (_position + (long)count > _data.Length)
        {
            return default;
        }

        var bytes = _data.Slice(_position, count);
        _position += count;
        return bytes;
    }
}
