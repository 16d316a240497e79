using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Tests;

/// <summary>A device full of junk that says where it lies: what reads as zeros through a volume over it was made so by the volume.</summary>
internal sealed class JunkDevice(long length) : IBlockDevice
{
    public long Length => length;

    public bool CanWrite => false;

    /// <summary>What each eight bytes of a sector hold.</summary>
    public static ulong StampOf(long sector) => unchecked((ulong)sector * 0x9e3779b97f4a7c15) | 1;

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, length, "junk");
        Span<byte> stamp = stackalloc byte[8];
        for (var i = 0; i < buffer.Length; i++)
        {
            var position = offset.Value + i;
            if (i == 0 || position % 512 == 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(stamp, StampOf(position / 512));
            }

            buffer[i] = stamp[(int)(position % 8)];
        }
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new NotSupportedException();

    public void WriteZeros(GuestOffset offset, long length) => throw new NotSupportedException();

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => [new Extent(offset.Value, length, ExtentKind.Data)];

    public void Dispose()
    {
    }
}
