using System.Buffers.Binary;
using System.Security.Cryptography;
using Rehost.Model;

namespace Rehost.Volumes.Luks.Cryptography;

/// <summary>Encrypts and decrypts sectors as dm-crypt does, by the name it gives the cipher: aes-xts-plain64, aes-cbc-essiv:sha256. Safe to call from several threads.</summary>
internal sealed class SectorCipher : IDisposable
{
    private const int BlockLength = 16;
    private const int TweakUnit = 512;
    private readonly Aes _data;
    private readonly Aes? _tweak;
    private readonly bool _isXts;
    private readonly bool _isShort;
    private readonly int _sectorSize;
    private readonly ulong _firstSector;

    private SectorCipher(Aes data, Aes? tweak, bool isXts, bool isShort, int sectorSize, ulong firstSector)
    {
        _data = data;
        _tweak = tweak;
        _isXts = isXts;
        _isShort = isShort;
        _sectorSize = sectorSize;
        _firstSector = firstSector;
    }

    /// <summary>Makes a cipher.</summary>
    /// <param name="name">dm-crypt's name of it.</param>
    /// <param name="key">The key; the caller may clear it afterwards.</param>
    /// <param name="sectorSize">Bytes encrypted as one.</param>
    /// <param name="firstSector">Number of the first sector, in 512 bytes.</param>
    /// <exception cref="DiagnosticException">The cipher is not supported (VOL001).</exception>
    public static SectorCipher Make(string name, ReadOnlySpan<byte> key, int sectorSize = TweakUnit, ulong firstSector = 0)
    {
        if (!IsSupported(name, key.Length))
        {
            throw VolumeDiagnostics.Unsupported.ToException($"the cipher '{name}' with a key of {key.Length * 8} bits; aes-xts-plain64, aes-xts-plain, aes-cbc-essiv:sha256, aes-cbc-plain and aes-cbc-plain64 are read");
        }

        var parts = name.Split('-', 3);
        if (parts[1] == "xts")
        {
            return new SectorCipher(MakeAes(key[..(key.Length / 2)]), MakeAes(key[(key.Length / 2)..]), true, parts[2] == "plain", sectorSize, firstSector);
        }

        return new SectorCipher(
            MakeAes(key), parts[2] == "essiv:sha256" ? MakeAes(SHA256.HashData(key)) : null, false, parts[2] == "plain", sectorSize, firstSector);
    }

    /// <summary>Whether a cipher is read.</summary>
    public static bool IsSupported(string name, int keyLength) => name switch
    {
        "aes-xts-plain64" or "aes-xts-plain" => keyLength is 32 or 64,
        "aes-cbc-essiv:sha256" or "aes-cbc-plain" or "aes-cbc-plain64" => keyLength is 16 or 24 or 32,
        _ => false,
    };

    /// <summary>Decrypts whole sectors in place.</summary>
    /// <param name="data">Whole sectors.</param>
    /// <param name="offset">Byte position of the first, a multiple of the sector size.</param>
    public void Decrypt(Span<byte> data, long offset) => Run(data, offset, isEncrypting: false);

    /// <summary>Encrypts whole sectors in place.</summary>
    public void Encrypt(Span<byte> data, long offset) => Run(data, offset, isEncrypting: true);

    public void Dispose()
    {
        _data.Dispose();
        _tweak?.Dispose();
    }

    private static Aes MakeAes(ReadOnlySpan<byte> key)
    {
        var aes = Aes.Create();
        aes.SetKey(key);
        return aes;
    }

    private void Run(Span<byte> data, long offset, bool isEncrypting)
    {
        var sectors = data.Length / _sectorSize;
        Span<byte> vectors = new byte[sectors * BlockLength];
        for (var i = 0; i < sectors; i++)
        {
            // Numbers count 512 bytes whatever the size of a sector.
            var number = unchecked(_firstSector + ((ulong)offset / TweakUnit) + ((ulong)i * (ulong)(_sectorSize / TweakUnit)));
            BinaryPrimitives.WriteUInt64LittleEndian(vectors[(i * BlockLength)..], _isShort ? number & uint.MaxValue : number);
        }

        _tweak?.EncryptEcb(vectors, vectors, PaddingMode.None);
        if (_isXts)
        {
            RunXts(data, vectors, isEncrypting);
            return;
        }

        for (var i = 0; i < sectors; i++)
        {
            var sector = data.Slice(i * _sectorSize, _sectorSize);
            var vector = vectors.Slice(i * BlockLength, BlockLength);
            _ = isEncrypting ? _data.EncryptCbc(sector, vector, sector, PaddingMode.None) : _data.DecryptCbc(sector, vector, sector, PaddingMode.None);
        }
    }

    /// <summary>IEEE 1619: each block is encrypted between two additions of a mask that doubles from block to block; the masks are applied first, so that the cipher runs over all at once.</summary>
    private void RunXts(Span<byte> data, ReadOnlySpan<byte> tweaks, bool isEncrypting)
    {
        Mask(data, tweaks);
        _ = isEncrypting ? _data.EncryptEcb(data, data, PaddingMode.None) : _data.DecryptEcb(data, data, PaddingMode.None);
        Mask(data, tweaks);
    }

    private void Mask(Span<byte> data, ReadOnlySpan<byte> tweaks)
    {
        for (var start = 0; start < data.Length; start += _sectorSize)
        {
            var tweak = tweaks[(start / _sectorSize * BlockLength)..];
            var low = BinaryPrimitives.ReadUInt64LittleEndian(tweak);
            var high = BinaryPrimitives.ReadUInt64LittleEndian(tweak[8..]);
            for (var position = start; position < start + _sectorSize; position += BlockLength)
            {
                var block = data[position..];
                BinaryPrimitives.WriteUInt64LittleEndian(block, BinaryPrimitives.ReadUInt64LittleEndian(block) ^ low);
                BinaryPrimitives.WriteUInt64LittleEndian(block[8..], BinaryPrimitives.ReadUInt64LittleEndian(block[8..]) ^ high);
                var carry = high >> 63;
                high = (high << 1) | (low >> 63);
                low = (low << 1) ^ (carry * 0x87);
            }
        }
    }
}
