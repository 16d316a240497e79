using Rehost.Blocks;
using Rehost.Model;
using Rehost.Transfer.Undo;

namespace Rehost.Transfer.Tests.Undo;

/// <summary>Disks and a journal whose power fails at a chosen operation: of what was not flushed any sectors may survive, in any combination.</summary>
internal sealed class CrashWorld(int seed)
{
    private readonly List<Store> _stores = [];
    private long _left = long.MaxValue;

    public Random Random { get; } = new(seed);

    /// <summary>Operations since the last look.</summary>
    public long Operations { get; set; }

    public CrashDisk AddDisk(byte[] content)
    {
        var store = new Store(this, content);
        _stores.Add(store);
        return new CrashDisk(store);
    }

    public CrashMedium AddMedium(byte[] content)
    {
        var store = new Store(this, content);
        _stores.Add(store);
        return new CrashMedium(store);
    }

    /// <summary>Lets the power fail at an operation from now on; null for never.</summary>
    public void FailAt(long? operation) => _left = operation ?? long.MaxValue;

    private void Step()
    {
        Operations++;
        if (--_left < 0)
        {
            _stores.ForEach(store => store.Crash());
            _left = long.MaxValue;
            throw new PowerFailure();
        }
    }

    internal sealed class PowerFailure() : Exception("the power failed");

    internal sealed class Store(CrashWorld world, byte[] content)
    {
        private const int Sector = 512;
        private readonly List<(long Offset, byte[]? Data)> _pending = [];
        private byte[] _durable = [.. content];

        public byte[] Now { get; private set; } = [.. content];

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            Grow(offset + data.Length);
            data.CopyTo(Now.AsSpan((int)offset));
            _pending.Add((offset, data.ToArray()));
            world.Step();
        }

        public void SetLength(long length)
        {
            var now = Now;
            Array.Resize(ref now, (int)length);
            Now = now;
            _pending.Add((length, null));
            world.Step();
        }

        public void Flush()
        {
            world.Step();
            _durable = [.. Now];
            _pending.Clear();
        }

        public void Crash()
        {
            foreach (var (offset, data) in _pending)
            {
                if (data is null)
                {
                    if (world.Random.Next(2) == 0)
                    {
                        Array.Resize(ref _durable, (int)offset);
                    }

                    continue;
                }

                var fate = world.Random.Next(3);
                for (var at = 0; at < data.Length;)
                {
                    var count = Math.Min(data.Length - at, Sector - (int)((offset + at) % Sector));
                    if (fate == 1 || (fate == 2 && world.Random.Next(2) == 0))
                    {
                        if (offset + at + count > _durable.Length)
                        {
                            Array.Resize(ref _durable, (int)offset + at + count);
                        }

                        data.AsSpan(at, count).CopyTo(_durable.AsSpan((int)offset + at));
                    }

                    at += count;
                }
            }

            _pending.Clear();
            Now = [.. _durable];
        }

        private void Grow(long length)
        {
            if (length > Now.Length)
            {
                var now = Now;
                Array.Resize(ref now, (int)length);
                Now = now;
            }
        }
    }
}

internal sealed class CrashDisk(CrashWorld.Store store) : IResizableDevice
{
    public byte[] Content => store.Now;

    public long Length => store.Now.Length;

    public bool CanWrite => true;

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, "crash disk");
        store.Now.AsSpan((int)offset.Value, buffer.Length).CopyTo(buffer);
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, "crash disk");
        store.Write(offset.Value, data);
    }

    public void WriteZeros(GuestOffset offset, long length) => Write(offset, new byte[length]);

    public void SetLength(long length) => store.SetLength(length);

    public void Flush() => store.Flush();

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => [new Extent(offset.Value, length, ExtentKind.Data)];

    public void Dispose()
    {
    }
}

internal sealed class CrashMedium(CrashWorld.Store store) : IUndoMedium
{
    public string Name => "journal";

    public byte[] Content => store.Now;

    public long Length => store.Now.Length;

    public void Read(long position, Span<byte> buffer) => store.Now.AsSpan((int)position, buffer.Length).CopyTo(buffer);

    public void Append(ReadOnlySpan<byte> data) => store.Write(store.Now.Length, data);

    public void Truncate(long length) => store.SetLength(length);

    public void Flush() => store.Flush();

    public void Dispose()
    {
    }
}

/// <summary>A file in memory.</summary>
internal sealed class MemoryImageFile : IImageFile
{
    private byte[] _content = [];

    public byte[] Content => _content;

    public string Name => "memory";

    public void Write(FileOffset offset, ReadOnlySpan<byte> data)
    {
        if (offset.Value + data.Length > _content.Length)
        {
            Array.Resize(ref _content, (int)offset.Value + data.Length);
        }

        data.CopyTo(_content.AsSpan((int)offset.Value));
    }

    public void SetLength(long length) => Array.Resize(ref _content, (int)length);

    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

    public void Flush()
    {
    }

    public void Dispose()
    {
    }
}
