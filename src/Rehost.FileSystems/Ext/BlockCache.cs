using Rehost.Blocks;

namespace Rehost.FileSystems.Ext;

/// <summary>
/// Metadata blocks in memory. Changed blocks stay until they are written; unchanged ones are kept in two generations, so that memory is bounded. While an operation is
/// under way the cache remembers what each changed block held before, and can put it back: an operation that runs out of space leaves no trace.
/// </summary>
internal sealed class BlockCache(IBlockDevice device, int blockSize)
{
    private const long GenerationBytes = 8 << 20;
    private const long DirtyBytes = 16 << 20;
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, byte[]> _dirty = [];
    private readonly Dictionary<ulong, byte[]?> _undo = [];
    private Dictionary<ulong, byte[]> _young = [];
    private Dictionary<ulong, byte[]> _old = [];
    private bool _inOperation;

    internal bool IsDirty => _dirty.Count != 0;

    /// <summary>The content of a block, not to be changed by the caller.</summary>
    internal byte[] Read(ulong block)
    {
        lock (_gate)
        {
            if (_dirty.TryGetValue(block, out var known) || _young.TryGetValue(block, out known))
            {
                return known;
            }

            if (_old.TryGetValue(block, out known))
            {
                Keep(block, known);
                return known;
            }
        }

        var data = new byte[blockSize];
        device.Read(new GuestOffset((long)block * blockSize), data);
        lock (_gate)
        {
            if (!_young.TryAdd(block, data))
            {
                return _young[block];
            }

            Age();
        }

        return data;
    }

    /// <summary>The content of a block, to be changed by the caller before the operation ends.</summary>
    internal byte[] Edit(ulong block)
    {
        lock (_gate)
        {
            if (_dirty.TryGetValue(block, out var changed))
            {
                if (_inOperation && !_undo.ContainsKey(block))
                {
                    _undo[block] = (byte[])changed.Clone();
                }

                return changed;
            }
        }

        var data = Read(block);
        Adopt(block, data);
        return data;
    }

    /// <summary>A block of zeros in place of whatever the device holds.</summary>
    internal byte[] EditNew(ulong block)
    {
        lock (_gate)
        {
            if (_dirty.TryGetValue(block, out var changed))
            {
                if (_inOperation)
                {
                    _undo.TryAdd(block, changed);
                }

                _dirty.Remove(block);
            }
        }

        var data = new byte[blockSize];
        Adopt(block, data);
        return data;
    }

    /// <summary>The block was freed, or its content is written past the cache: what is in memory no longer counts.</summary>
    internal void Forget(ulong block)
    {
        lock (_gate)
        {
            if (_dirty.Remove(block, out var changed) && _inOperation)
            {
                _undo.TryAdd(block, changed);
            }

            _young.Remove(block);
            _old.Remove(block);
        }
    }

    internal void Begin()
    {
        _undo.Clear();
        _inOperation = true;
    }

    internal void Commit()
    {
        _inOperation = false;
        _undo.Clear();
        if ((long)_dirty.Count * blockSize > DirtyBytes)
        {
            WriteBack();
        }
    }

    internal void Rollback()
    {
        _inOperation = false;
        lock (_gate)
        {
            foreach (var (block, before) in _undo)
            {
                _young.Remove(block);
                _old.Remove(block);
                if (before is null)
                {
                    _dirty.Remove(block);
                }
                else
                {
                    _dirty[block] = before;
                }
            }

            _undo.Clear();
        }
    }

    /// <summary>Writes all changed blocks, neighbours together.</summary>
    internal void WriteBack()
    {
        const int longest = 1 << 20;
        var blocks = _dirty.Keys.Order().ToArray();
        var buffer = new byte[Math.Min(longest, (long)blocks.Length * blockSize)];
        for (var i = 0; i < blocks.Length;)
        {
            var first = blocks[i];
            var length = 0;
            while (i < blocks.Length && blocks[i] == first + (ulong)(length / blockSize) && length + blockSize <= buffer.Length)
            {
                _dirty[blocks[i++]].CopyTo(buffer, length);
                length += blockSize;
            }

            device.Write(new GuestOffset((long)first * blockSize), buffer.AsSpan(0, length));
        }

        lock (_gate)
        {
            foreach (var block in blocks)
            {
                Keep(block, _dirty[block]);
            }

            _dirty.Clear();
        }
    }

    private void Adopt(ulong block, byte[] data)
    {
        lock (_gate)
        {
            if (_inOperation)
            {
                _undo.TryAdd(block, null);
            }

            _young.Remove(block);
            _old.Remove(block);
            _dirty[block] = data;
        }
    }

    private void Keep(ulong block, byte[] data)
    {
        _young[block] = data;
        Age();
    }

    private void Age()
    {
        if ((long)_young.Count * blockSize > GenerationBytes)
        {
            _old = _young;
            _young = [];
        }
    }
}
