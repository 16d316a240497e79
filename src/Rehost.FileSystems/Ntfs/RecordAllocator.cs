namespace Rehost.FileSystems.Ntfs;

/// <summary>Takes and frees records of the master file table, which grows when it is full; writes records, the first ones to the mirror too.</summary>
internal sealed class RecordAllocator(NtfsVolume volume, StructureWriter writer, ClusterAllocator clusters)
{
    private const int GrowthRecords = 16;
    private const int GrowthFraction = 32;
    private const int GrowthReserve = 64;
    private const int MostGrowth = 1 << 20;
    private const int BitmapGrowth = 8;
    private const long FirstReserved = 16;
    private long _hint = FileReference.FirstUserRecord;

    private NtfsNode Node => volume.Table.GetNode(FileReference.Mft);

    private NtfsAttribute Bitmap => Node.Demand(AttributeType.Bitmap);

    internal void Write(MftRecord record)
    {
        UpdateSequence.Protect(record.Raw);
        var (offset, size) = (record.Number * volume.Boot.RecordSize, record.Raw.Length);
        writer.Write(volume.Table.Data, offset, record.Raw, record.Where);
        if (record.Number < volume.MirroredRecords)
        {
            writer.Write(volume.Mirror, offset, record.Raw.AsSpan(0, size), "$MFTMirr");
        }

        UpdateSequence.Apply(record.Raw, NtfsDiagnostics.BadRecord, record.Where);
    }

    /// <summary>A free record, marked as taken; the caller fills and writes it.</summary>
    internal MftRecord Allocate(Action<NtfsNode> save)
    {
        var number = FindFree();
        if (number < 0)
        {
            Grow(save);
            number = FindFree();
        }

        _hint = number + 1;
        return Take(number);
    }

    /// <summary>A record that goes on describing the table itself: one of those that are kept free for that, or a low one. The table does not grow for it.</summary>
    internal MftRecord AllocateForTable()
    {
        for (var number = FirstReserved; number < FileReference.FirstUserRecord; number++)
        {
            if (!IsUsed(number))
            {
                return Take(number);
            }
        }

        _hint = FileReference.FirstUserRecord;
        return FindFree() is var free and >= 0
            ? Take(free)
            : throw NtfsDiagnostics.TooFragmented.ToException("no record is free to describe the table itself", "$MFT");
    }

    private MftRecord Take(long number)
    {
        SetBit(number, true);
        var sequence = (ushort)1;
        var old = volume.Table.ReadRaw(number);
        if (MftRecord.HasMagic(old))
        {
            UpdateSequence.Apply(old, NtfsDiagnostics.BadRecord, $"MFT record {number}");
            var before = new MftRecord(number, old);
            if (before.IsInUse)
            {
                throw NtfsDiagnostics.BadBitmap.ToException($"record {number} is in use, and its bit says that it is free", "$MFT");
            }

            sequence = before.Sequence == 0 ? (ushort)1 : before.Sequence;
        }

        var record = volume.FormatRecord(number, sequence);
        record.Flags = MftRecord.InUseFlag;
        return record;
    }

    internal void Free(MftRecord record)
    {
        record.Flags = (ushort)(record.Flags & ~MftRecord.InUseFlag);
        record.Sequence = record.Sequence == ushort.MaxValue ? (ushort)1 : (ushort)(record.Sequence + 1);
        Write(record);
        SetBit(record.Number, false);
        _hint = Math.Min(_hint, record.Number);
        volume.Table.Forget(record.Number);
    }

    internal void Rollback() => _hint = FileReference.FirstUserRecord;

    private long FindFree()
    {
        var bitmap = Bitmap;
        var count = Math.Min(volume.Table.Count, bitmap.Length * 8);
        var buffer = new byte[4096];
        for (var at = _hint / 8; at * 8 < count; at += buffer.Length)
        {
            var size = (int)Math.Min(buffer.Length, ((count + 7) / 8) - at);
            volume.Streams.ReadStructure(bitmap, at, buffer.AsSpan(0, size), "$MFT");
            for (var i = 0; i < size; i++)
            {
                for (var bit = 0; buffer[i] != 0xFF && bit < 8; bit++)
                {
                    var number = ((at + i) * 8) + bit;
                    if ((buffer[i] & (1 << bit)) == 0 && number >= FileReference.FirstUserRecord && number < count)
                    {
                        return number;
                    }
                }
            }
        }

        return -1;
    }

    private bool IsUsed(long number) => (ReadBits(number) & (1 << (int)(number % 8))) != 0;

    /// <summary>The byte with a record's bit.</summary>
    private byte ReadBits(long number)
    {
        if (Bitmap is not { IsResident: false } bitmap || number / 8 >= bitmap.Length)
        {
            throw NtfsDiagnostics.BadBitmap.ToException($"the bitmap of the table has {Bitmap.Length} bytes{(Bitmap.IsResident ? " in the record" : "")}, the bit of record {number} is needed", "$MFT");
        }

        Span<byte> one = stackalloc byte[1];
        volume.Streams.ReadStructure(bitmap, number / 8, one, "$MFT");
        return one[0];
    }

    private void SetBit(long number, bool isUsed)
    {
        Span<byte> one = [ReadBits(number)];
        var bit = (byte)(1 << (int)(number % 8));
        if (((one[0] & bit) != 0) == isUsed)
        {
            throw NtfsDiagnostics.BadBitmap.ToException($"the bit of record {number} is {(isUsed ? "set" : "clear")} already", "$MFT");
        }

        one[0] = (byte)(one[0] ^ bit);
        writer.Write(Bitmap, number / 8, one, "$MFT");
    }

    /// <summary>Adds records to the table: sound ones that are not in use, as other implementations expect them.</summary>
    private void Grow(Action<NtfsNode> save)
    {
        var (node, data, boot) = (Node, volume.Table.Data, volume.Boot);
        long bytes = (Math.Max(GrowthRecords * boot.RecordSize, boot.ClusterSize) + boot.ClusterSize - 1) / boot.ClusterSize * boot.ClusterSize;
        while (bytes < data.DataSize / GrowthFraction && bytes < MostGrowth && bytes * GrowthReserve <= clusters.FreeCount * boot.ClusterSize)
        {
            bytes *= 2; // a large table grows in larger steps, where there is room: in fewer pieces
        }

        var first = volume.Table.Count; // there may be room after the last one that was ever used
        var missing = ((data.DataSize + bytes + boot.ClusterSize - 1) / boot.ClusterSize) - data.Runs.End;
        var last = data.Runs.Runs[^1];
        foreach (var (lcn, length) in clusters.Allocate(Math.Max(0, missing), last.Lcn + last.Length))
        {
            data.Runs.Append(lcn, length);
        }

        data.DataSize = data.DataSize / boot.RecordSize * boot.RecordSize + bytes;
        data.InitializedSize = data.DataSize;
        var count = data.DataSize / boot.RecordSize;
        for (var number = first; number < count; number++)
        {
            Write(volume.FormatRecord(number, 1));
        }

        GrowBitmap((count + 7) / 8);
        save(node);
    }

    private void GrowBitmap(long bytes)
    {
        var bitmap = Bitmap;
        var length = (bytes + BitmapGrowth - 1) / BitmapGrowth * BitmapGrowth;
        var old = bitmap.Length;
        if (length <= old)
        {
            return;
        }

        var missing = ((length + volume.Boot.ClusterSize - 1) / volume.Boot.ClusterSize) - bitmap.Runs.End;
        if (missing > 0)
        {
            var last = bitmap.Runs.Runs[^1];
            foreach (var (lcn, count) in clusters.Allocate(missing, last.Lcn + last.Length))
            {
                bitmap.Runs.Append(lcn, count);
            }
        }

        bitmap.DataSize = bitmap.InitializedSize = length;
        writer.Write(bitmap, old, new byte[length - old], "$MFT");
    }
}
