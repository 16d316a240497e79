using Rehost.Blocks;

namespace Rehost.FileSystems;

/// <summary>
/// A device's structures in memory, in pages and by byte position. What is changed stays until it is written back; what is unchanged is kept in two generations, so that memory is
/// bounded. While an operation is under way the cache remembers what each changed page held before, and can put it back. File content goes past the cache to the device.
/// </summary>
/// <param name="device">What holds the structures.</param>
/// <param name="pageSize">The file system's own unit, where it edits whole blocks.</param>
/// <param name="mayEndInPage">Whether the device's end may cut its last page short; else that is a fault.</param>
internal sealed class PageCache(IBlockDevice device, int pageSize = 4096, bool mayEndInPage = true)
{
    private const long GenerationBytes = 16 << 20;
    private const long MostDirtyBytes = 16 << 20;
    private readonly Lock _gate = new();
    private readonly Dictionary<long, byte[]> _dirty = [];
    private readonly Dictionary<long, byte[]?> _undo = [];
    private Dictionary<long, byte[]> _young = [];
    private Dictionary<long, byte[]> _old = [];
    private bool _inOperation;

    internal long Length => device.Length;

    internal bool IsDirty => _dirty.Count != 0;

    /// <summary>Reads through the cache.</summary>
    internal void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var within = (int)(offset % pageSize);
            var count = Math.Min(buffer.Length, pageSize - within);
            Page(offset / pageSize).AsSpan(within, count).CopyTo(buffer);
            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>Changes bytes in the cache.</summary>
    internal void Write(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var within = (int)(offset % pageSize);
            var count = Math.Min(data.Length, pageSize - within);
            data[..count].CopyTo(Edit(offset / pageSize).AsSpan(within));
            offset += count;
            data = data[count..];
        }
    }

    /// <summary>Zeros in the cache.</summary>
    internal void Clear(long offset, long length)
    {
        while (length > 0)
        {
            var within = (int)(offset % pageSize);
            var count = (int)Math.Min(length, pageSize - within);
            Edit(offset / pageSize).AsSpan(within, count).Clear();
            offset += count;
            length -= count;
        }
    }

    /// <summary>Reads file content past the cache, but sees what is changed in it.</summary>
    internal void ReadContent(long offset, Span<byte> buffer)
    {
        device.Read(new GuestOffset(offset), buffer);
        lock (_gate)
        {
            foreach (var (page, content) in DirtyPages(offset, buffer.Length))
            {
                var start = Math.Max(offset, page * pageSize);
                var end = Math.Min(offset + buffer.Length, (page + 1) * pageSize);
                content.AsSpan((int)(start - (page * pageSize)), (int)(end - start)).CopyTo(buffer[(int)(start - offset)..]);
            }
        }
    }

    /// <summary>Writes file content to the device at once.</summary>
    internal void WriteContent(long offset, ReadOnlySpan<byte> data)
    {
        Forget(offset, data.Length);
        foreach (var (page, _) in DirtyPages(offset, data.Length))
        {
            var start = Math.Max(offset, page * pageSize);
            var end = Math.Min(offset + data.Length, (page + 1) * pageSize);
            data[(int)(start - offset)..(int)(end - offset)].CopyTo(Edit(page).AsSpan((int)(start - (page * pageSize))));
        }

        device.Write(new GuestOffset(offset), data);
    }

    /// <summary>Makes file content read as zeros at once.</summary>
    internal void ClearContent(long offset, long length)
    {
        Forget(offset, length);
        foreach (var (page, _) in DirtyPages(offset, length))
        {
            var start = Math.Max(offset, page * pageSize);
            var end = Math.Min(offset + length, (page + 1) * pageSize);
            Edit(page).AsSpan((int)(start - (page * pageSize)), (int)(end - start)).Clear();
        }

        device.WriteZeros(new GuestOffset(offset), length);
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
        if ((long)_dirty.Count * pageSize > MostDirtyBytes)
        {
            WriteBack();
        }
    }

    internal void Rollback()
    {
        _inOperation = false;
        lock (_gate)
        {
            foreach (var (page, before) in _undo)
            {
                _young.Remove(page);
                _old.Remove(page);
                if (before is null)
                {
                    _dirty.Remove(page);
                }
                else
                {
                    _dirty[page] = before;
                }
            }

            _undo.Clear();
        }
    }

    /// <summary>Writes all changed pages, neighbours together.</summary>
    internal void WriteBack()
    {
        const int longest = 1 << 20;
        var pages = _dirty.Keys.Order().ToArray();
        var buffer = new byte[Math.Min(longest, (long)pages.Length * pageSize)];
        for (var i = 0; i < pages.Length;)
        {
            var first = pages[i];
            var length = 0;
            while (i < pages.Length && pages[i] == first + (length / pageSize) && length % pageSize == 0 && length + pageSize <= buffer.Length)
            {
                var page = _dirty[pages[i++]];
                page.CopyTo(buffer, length);
                length += page.Length;
            }

            device.Write(new GuestOffset(first * pageSize), buffer.AsSpan(0, length));
        }

        lock (_gate)
        {
            foreach (var page in pages)
            {
                Keep(page, _dirty[page]);
            }

            _dirty.Clear();
        }
    }

    /// <summary>The content of a page, not to be changed by the caller.</summary>
    internal byte[] Page(long page)
    {
        lock (_gate)
        {
            if (_dirty.TryGetValue(page, out var known) || _young.TryGetValue(page, out known))
            {
                return known;
            }

            if (_old.TryGetValue(page, out known))
            {
                Keep(page, known);
                return known;
            }
        }

        // A read past the device's end is the device's to refuse.
        var data = new byte[mayEndInPage ? (int)Math.Clamp(device.Length - (page * pageSize), 1, pageSize) : pageSize];
        device.Read(new GuestOffset(page * pageSize), data);
        lock (_gate)
        {
            if (!_young.TryAdd(page, data))
            {
                return _young[page];
            }

            Age();
        }

        return data;
    }

    /// <summary>The content of a page, to be changed by the caller before the operation ends.</summary>
    internal byte[] Edit(long page)
    {
        lock (_gate)
        {
            if (_dirty.TryGetValue(page, out var changed))
            {
                if (_inOperation && !_undo.ContainsKey(page))
                {
                    _undo[page] = (byte[])changed.Clone();
                }

                return changed;
            }
        }

        var data = (byte[])Page(page).Clone();
        Adopt(page, data);
        return data;
    }

    /// <summary>A page of zeros in place of whatever the device holds.</summary>
    internal byte[] EditNew(long page)
    {
        lock (_gate)
        {
            if (_dirty.Remove(page, out var changed) && _inOperation)
            {
                _undo.TryAdd(page, changed);
            }
        }

        var data = new byte[pageSize];
        Adopt(page, data);
        return data;
    }

    /// <summary>The page was freed, or is written past the cache: what is in memory no longer counts.</summary>
    internal void Forget(long page)
    {
        lock (_gate)
        {
            if (_dirty.Remove(page, out var changed) && _inOperation)
            {
                _undo.TryAdd(page, changed);
            }

            _young.Remove(page);
            _old.Remove(page);
        }
    }

    private void Adopt(long page, byte[] data)
    {
        lock (_gate)
        {
            if (_inOperation)
            {
                _undo.TryAdd(page, null);
            }

            _young.Remove(page);
            _old.Remove(page);
            _dirty[page] = data;
        }
    }

    /// <summary>Drops unchanged pages of a range that is written past the cache.</summary>
    private void Forget(long offset, long length)
    {
        lock (_gate)
        {
            if (_young.Count + _old.Count == 0 || length == 0)
            {
                return;
            }

            var (first, last) = (offset / pageSize, (offset + length - 1) / pageSize);
            if (last - first > _young.Count + _old.Count)
            {
                _young.Clear();
                _old.Clear();
                return;
            }

            for (var page = first; page <= last; page++)
            {
                _young.Remove(page);
                _old.Remove(page);
            }
        }
    }

    private List<KeyValuePair<long, byte[]>> DirtyPages(long offset, long length)
    {
        var found = new List<KeyValuePair<long, byte[]>>();
        if (_dirty.Count == 0 || length == 0)
        {
            return found;
        }

        var (first, last) = (offset / pageSize, (offset + length - 1) / pageSize);
        if (last - first > _dirty.Count)
        {
            found.AddRange(_dirty.Where(pair => pair.Key >= first && pair.Key <= last));
            return found;
        }

        for (var page = first; page <= last; page++)
        {
            if (_dirty.TryGetValue(page, out var content))
            {
                found.Add(new(page, content));
            }
        }

        return found;
    }

    private void Keep(long page, byte[] data)
    {
        _young[page] = data;
        Age();
    }

    private void Age()
    {
        if ((long)_young.Count * pageSize > GenerationBytes)
        {
            _old = _young;
            _young = [];
        }
    }
}
