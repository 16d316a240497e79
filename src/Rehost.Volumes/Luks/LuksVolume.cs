using System.Buffers;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Luks.Cryptography;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.Luks;

/// <summary>The inside of an encrypted volume. What is written is encrypted on its way down.</summary>
internal sealed class LuksVolume(IBlockDevice below, SectorCipher cipher, long start, long length, int sectorSize, string name) : IMappedVolume
{
    private const int Step = 128 << 10;

    public long Length => length;

    public bool CanWrite => below.CanWrite;

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, length, name);
        var position = offset.Value;
        var rented = ArrayPool<byte>.Shared.Rent(Step);
        try
        {
            while (!buffer.IsEmpty)
            {
                var (first, sectors, within, count) = Cover(position, buffer.Length);
                var data = rented.AsSpan(0, sectors);
                below.Read(new GuestOffset(start + first), data);
                cipher.Decrypt(data, first);
                data.Slice(within, count).CopyTo(buffer);
                position += count;
                buffer = buffer[count..];
            }
        }
        finally
        {
            Give(rented);
        }
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, length, name);
        var position = offset.Value;
        var rented = ArrayPool<byte>.Shared.Rent(Step);
        try
        {
            while (!data.IsEmpty)
            {
                var (first, covered, within, count) = Cover(position, data.Length);
                var sectors = rented.AsSpan(0, covered);
                if (count < covered)
                {
                    below.Read(new GuestOffset(start + first), sectors);
                    cipher.Decrypt(sectors, first);
                }

                data[..count].CopyTo(sectors[within..]);
                cipher.Encrypt(sectors, first);
                below.Write(new GuestOffset(start + first), sectors);
                position += count;
                data = data[count..];
            }
        }
        finally
        {
            Give(rented);
        }
    }

    public void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, name);
        var zeros = new byte[Math.Min(length, Step)];
        while (length > 0)
        {
            var count = (int)Math.Min(length, zeros.Length);
            Write(offset, zeros.AsSpan(0, count));
            offset += count;
            length -= count;
        }
    }

    public void Flush() => below.Flush();

    /// <summary>Data everywhere: zeros below are no zeros here.</summary>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, name);
        return length == 0 ? [] : [new Extent(offset.Value, length, ExtentKind.Data)];
    }

    /// <summary>Sector by sector in the same order. Whole sectors only: the rest of a sector goes with its other half.</summary>
    public IEnumerable<BackingRange> MapDown(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, name);
        var first = (offset.Value + sectorSize - 1) / sectorSize * sectorSize;
        var end = (offset.Value + length) / sectorSize * sectorSize;
        return end > first ? [new BackingRange(below, new GuestOffset(start + first), end - first)] : [];
    }

    /// <summary>Forgets the key; the device below belongs to someone else.</summary>
    public void Dispose() => cipher.Dispose();

    private (long First, int Covered, int Within, int Count) Cover(long position, int wanted)
    {
        var first = position / sectorSize * sectorSize;
        var within = (int)(position - first);
        var count = Math.Min(wanted, Step - within);
        var covered = (within + count + sectorSize - 1) / sectorSize * sectorSize;
        return (first, covered, within, count);
    }

    /// <summary>Guest data in the clear does not stay in the pool.</summary>
    private static void Give(byte[] rented)
    {
        CryptographicOperations.ZeroMemory(rented);
        ArrayPool<byte>.Shared.Return(rented);
    }
}
