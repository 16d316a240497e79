using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>A disk with data where another has it, and in it what no compressor makes smaller.</summary>
internal sealed class PatternDevice : IBlockDevice
{
    private readonly IBlockDevice _shape;
    private readonly byte[] _noise = new byte[4 << 20];

    public PatternDevice(IBlockDevice shape)
    {
        _shape = shape;

        // The same in every run, as everything here: a simple generator with a fixed start (xorshift64).
        var state = 0x9e3779b97f4a7c15UL;
        for (var i = 0; i < _noise.Length; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            _noise[i] = unchecked((byte)(state >> 32));
        }
    }

    public long Length => _shape.Length;

    public bool CanWrite => false;

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        foreach (var extent in _shape.GetExtents(offset, buffer.Length))
        {
            var part = buffer.Slice((int)(extent.Offset - offset.Value), (int)extent.Length);
            if (extent.Kind != ExtentKind.Data)
            {
                part.Clear();
                continue;
            }

            for (var position = extent.Offset; !part.IsEmpty;)
            {
                var count = (int)Math.Min(part.Length, _noise.Length - (position % _noise.Length));
                _noise.AsSpan((int)(position % _noise.Length), count).CopyTo(part);
                part = part[count..];
                position += count;
            }
        }
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("a pattern is only read", "pattern");

    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("a pattern is only read", "pattern");

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => _shape.GetExtents(offset, length);

    public void Dispose()
    {
    }
}
