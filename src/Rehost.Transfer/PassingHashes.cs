namespace Rehost.Transfer;

/// <summary>Hashes of a disk's blocks, taken while its content passes by once, in order: the disk need not be read for them.</summary>
public sealed class PassingHashes
{
    private readonly BlockHashes _hashes = new();
    private readonly byte[] _block = new byte[BlockManifest.BlockSize];
    private long _position;

    /// <summary>Bytes so far.</summary>
    public long Length => _position;

    internal BlockHashes Blocks => _hashes;

    /// <summary>Adds content; what is passed over is zero.</summary>
    /// <param name="position">Its place on the disk, not before the end of what was added.</param>
    /// <param name="data">The content.</param>
    public void Add(long position, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(position, _position);
        AddZeros(position - _position);
        while (!data.IsEmpty)
        {
            var within = (int)(_position % BlockManifest.BlockSize);
            var count = Math.Min(data.Length, BlockManifest.BlockSize - within);
            if (count == BlockManifest.BlockSize)
            {
                _hashes.Add(BlockHasher.Hash(data[..count]));
            }
            else
            {
                data[..count].CopyTo(_block.AsSpan(within));
                EndBlock(within + count);
            }

            _position += count;
            data = data[count..];
        }
    }

    /// <summary>Adds zeros to the end of a disk, and what is held of its last block.</summary>
    /// <param name="length">Bytes of the disk.</param>
    public void Complete(long length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, _position);
        AddZeros(length - _position);
        if (_position % BlockManifest.BlockSize is var rest and not 0)
        {
            _hashes.Add(BlockHasher.Hash(_block.AsSpan(0, (int)rest)));
        }
    }

    private void AddZeros(long length)
    {
        if (length > 0 && _position % BlockManifest.BlockSize is var within and not 0)
        {
            var count = Math.Min(length, BlockManifest.BlockSize - within);
            _block.AsSpan((int)within, (int)count).Clear();
            EndBlock((int)(within + count));
            (_position, length) = (_position + count, length - count);
        }

        _hashes.AddZeros(length / BlockManifest.BlockSize);
        _block.AsSpan(0, (int)(length % BlockManifest.BlockSize)).Clear();
        _position += length;
    }

    private void EndBlock(int length)
    {
        if (length == BlockManifest.BlockSize)
        {
            _hashes.Add(BlockHasher.Hash(_block));
        }
    }
}
