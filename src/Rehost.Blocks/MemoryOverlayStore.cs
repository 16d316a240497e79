namespace Rehost.Blocks;

/// <summary>Overlay pages in memory, in blocks so that growing copies nothing.</summary>
internal sealed class MemoryOverlayStore : OverlayStore
{
    private const int BlockSize = 1 << 18;
    private readonly List<byte[]> _blocks = [];

    internal override void Read(long position, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var part = Part(position, buffer.Length);
            part.CopyTo(buffer);
            position += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    internal override void Write(long position, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            while (_blocks.Count <= position / BlockSize)
            {
                _blocks.Add(new byte[BlockSize]);
            }

            var part = Part(position, data.Length);
            data[..part.Length].CopyTo(part);
            position += part.Length;
            data = data[part.Length..];
        }
    }

    internal override void Clear() => _blocks.Clear();

    private protected override void Dispose(bool disposing) => _blocks.Clear();

    private Span<byte> Part(long position, int wanted)
    {
        var inBlock = (int)(position % BlockSize);
        return _blocks[(int)(position / BlockSize)].AsSpan(inBlock, Math.Min(wanted, BlockSize - inBlock));
    }
}
