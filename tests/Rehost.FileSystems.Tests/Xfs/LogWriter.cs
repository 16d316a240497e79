using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.FileSystems.Xfs;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>
/// Writes records into the log of an XFS image as a machine that stops in the middle leaves them ("Journaling Log" in XFS Algorithms and Data Structures). The kernel's own
/// recovery of what it writes, on version 5, says whether it does that right; machines with version 4 are rare, and their logs are made here only.
/// </summary>
internal sealed class LogWriter
{
    public const int Sector = 512;
    private const uint Magic = 0xFEEDBABE;
    private const int OperationHeader = 12;
    private const byte Client = 0x69;
    private const byte Start = 1;
    private const byte Commit = 2;
    private const byte Continued = 4;
    private const byte WasContinued = 8;
    private const byte End = 0x10;
    private readonly IBlockDevice _device;
    private readonly long _start;
    private readonly byte[] _super = new byte[512];
    private readonly int _bufferSize;
    private readonly int _unit;
    private readonly List<(uint Transaction, byte Flags, byte[] Bytes)> _operations = [];
    private uint _transaction = 0x1000;
    private long _head;
    private uint _pass;
    private long _previous = -1;

    /// <summary>Makes a log that went round some times, and whose next record goes to a place.</summary>
    /// <param name="device">The image.</param>
    /// <param name="pass">How often it went round.</param>
    /// <param name="head">Sector of the next record; from the end when negative.</param>
    /// <param name="bufferSize">Bytes of the largest record, which say how long headers are.</param>
    public LogWriter(IBlockDevice device, uint pass, long head, int bufferSize = 32768)
    {
        (_device, _pass, _bufferSize) = (device, pass, bufferSize);
        device.Read(GuestOffset.Zero, _super);
        var superblock = XfsSuperblock.Read(device);
        _start = superblock.ByteOf(superblock.LogStart, superblock.LogBlocks);
        Sectors = (long)superblock.LogBlocks * superblock.BlockSize / Sector;
        _head = head < 0 ? Sectors + head : head;
        _unit = (int)Math.Max(Sector, Get32(196));
        IsVersion5 = superblock.IsVersion5;
        var sector = new byte[Sector];
        for (long at = 0; at < Sectors; at++)
        {
            Put(sector, 0, at < _head ? pass : pass - 1);
            device.Write(new GuestOffset(_start + (at * Sector)), sector);
        }
    }

    public long Sectors { get; }

    public long Head => _head;

    /// <summary>First sector of each record.</summary>
    public List<long> Records { get; } = [];

    /// <summary>What record headers say where the oldest record is; null for the first one that was written.</summary>
    public ulong? Tail { get; set; }

    public bool IsVersion5 { get; }

    private uint Version => (BinaryPrimitives.ReadUInt16BigEndian(_super.AsSpan(100)) & 0x400) != 0 ? 2u : 1u;

    private int HeaderSectors => Version == 2 ? (_bufferSize + 32767) / 32768 : 1;

    public long ByteOf(long sector) => _start + (sector % Sectors * Sector);

    /// <summary>Adds a transaction: items, each of some regions.</summary>
    public LogWriter Add(IEnumerable<byte[][]> items, bool isCommitted = true)
    {
        var list = items.ToList();
        var number = ++_transaction;
        _operations.Add((number, Start, []));
        var header = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x5452414E);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), 40);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), number);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), (uint)list.Count);
        _operations.Add((number, 0, header));
        _operations.AddRange(list.SelectMany(item => item).Select(region => (number, (byte)0, region)));
        if (isCommitted)
        {
            _operations.Add((number, Commit, []));
        }

        return this;
    }

    /// <summary>Writes what was added into as many records as it takes; an operation goes on in the next record where one is full.</summary>
    public LogWriter Write()
    {
        var queue = new Queue<(uint Transaction, byte Flags, byte[] Bytes)>(_operations);
        _operations.Clear();
        var most = _bufferSize - (HeaderSectors * Sector);
        var (data, count) = (new List<byte>(), 0u);
        while (queue.TryDequeue(out var operation))
        {
            var rest = operation.Bytes.AsSpan();
            for (var isFirst = true; isFirst || rest.Length > 0; isFirst = false)
            {
                if (most - data.Count < OperationHeader + Math.Min(rest.Length, 128))
                {
                    WriteRecord([.. data], count);
                    (count, _) = (0, data.RemoveAll(_ => true));
                }

                var here = Math.Min(rest.Length, most - data.Count - OperationHeader) is var fits && fits < rest.Length ? fits / 4 * 4 : rest.Length;
                var flags = (byte)(operation.Flags | (isFirst ? 0 : WasContinued) | (here < rest.Length ? Continued : isFirst ? 0 : End));
                var header = new byte[OperationHeader];
                BinaryPrimitives.WriteUInt32BigEndian(header, operation.Transaction);
                BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), (uint)here);
                (header[8], header[9]) = (Client, flags);
                data.AddRange(header);
                data.AddRange(rest[..here]);
                count++;
                rest = rest[here..];
            }
        }

        if (count > 0)
        {
            WriteRecord([.. data], count);
        }

        return this;
    }

    /// <summary>Gives a record the checksum of what it is now.</summary>
    public void Seal(long sector, IBlockDevice? on = null)
    {
        var device = on ?? _device;
        var headers = ReadSectors(device, sector, HeaderSectors);
        var length = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(headers.AsSpan(12)), 1 << 18);
        var data = ReadSectors(device, sector + HeaderSectors, (length + Sector - 1) / Sector);
        headers.AsSpan(32, 4).Clear();
        var state = Crc32C.Update(uint.MaxValue, headers.AsSpan(0, 328));
        for (var i = 1; i < HeaderSectors && i < (length + 32767) / 32768; i++)
        {
            state = Crc32C.Update(state, headers.AsSpan(i * Sector, 260));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(headers.AsSpan(32), ~Crc32C.Update(state, data.AsSpan(0, length)));
        device.Write(new GuestOffset(ByteOf(sector)), headers.AsSpan(0, Sector));
    }

    /// <summary>Sectors of a record as they were before it was written: in the pass before.</summary>
    public void Unwrite(long sector, int count)
    {
        var bytes = new byte[Sector];
        for (var i = 0; i < count; i++)
        {
            var at = (sector + i) % Sectors;
            Put(bytes, 0, _pass - (at < _head ? 1u : 2u));
            _device.Write(new GuestOffset(ByteOf(at)), bytes);
        }
    }

    private byte[] ReadSectors(IBlockDevice device, long sector, int count)
    {
        var bytes = new byte[count * Sector];
        for (var i = 0; i < count; i++)
        {
            device.Read(new GuestOffset(ByteOf(sector + i)), bytes.AsSpan(i * Sector, Sector));
        }

        return bytes;
    }

    private static void Put(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), value);

    private uint Get32(int at) => BinaryPrimitives.ReadUInt32BigEndian(_super.AsSpan(at));

    private void WriteRecord(byte[] data, uint operations)
    {
        var headers = HeaderSectors * Sector;
        var unit = Version == 2 && _unit > 1 ? Math.Max(Sector, _unit) : Sector;
        var total = (headers + data.Length + unit - 1) / unit * unit;
        var length = Version == 2 ? total - headers : data.Length;
        var bytes = new byte[(total + Sector - 1) / Sector * Sector];
        data.CopyTo(bytes, headers);
        var number = ((ulong)_pass << 32) | (ulong)_head;
        Tail ??= number;
        Put(bytes, 0, Magic);
        Put(bytes, 4, _pass);
        Put(bytes, 8, Version);
        Put(bytes, 12, (uint)length);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(16), number);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(24), Tail.Value);
        Put(bytes, 36, unchecked((uint)_previous));
        Put(bytes, 40, operations);
        Put(bytes, 300, 1);
        _super.AsSpan(32, 16).CopyTo(bytes.AsSpan(304));
        Put(bytes, 320, Version == 2 ? (uint)_bufferSize : 0);
        var sectors = bytes.Length / Sector;
        for (var i = 1; i < sectors; i++)
        {
            var pass = _head + i >= Sectors ? _pass + 1 : _pass;
            if (i >= headers / Sector)
            {
                var index = i - (headers / Sector);
                var word = index < 64 ? 44 + (index * 4) : (index / 64 * Sector) + 4 + (index % 64 * 4);
                bytes.AsSpan(i * Sector, 4).CopyTo(bytes.AsSpan(word));
            }

            Put(bytes, i * Sector, pass);
        }

        for (var i = 0; i < sectors; i++)
        {
            _device.Write(new GuestOffset(ByteOf(_head + i)), bytes.AsSpan(i * Sector, Sector));
        }

        Records.Add(_head);
        if (IsVersion5)
        {
            Seal(_head);
        }

        _previous = _head;
        _pass += _head + sectors >= Sectors ? 1u : 0;
        _head = (_head + sectors) % Sectors;
    }
}
