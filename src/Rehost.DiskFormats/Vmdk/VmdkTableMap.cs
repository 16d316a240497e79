namespace Rehost.DiskFormats.Vmdk;

/// <summary>Grains found by tables in the file. Keeps a fixed number of tables, so that memory does not grow with the disk, whatever size its header claims.</summary>
internal abstract class VmdkTableMap : VmdkGrainMap
{
    private readonly Slot?[] _slots;

    protected VmdkTableMap(int grainBytes, int tableEntries, int entryBytes, long tableCount, int cacheBytes)
    {
        GrainBytes = grainBytes;
        TableEntries = tableEntries;
        TableBytes = tableEntries * entryBytes;
        TableCount = tableCount;
        _slots = new Slot?[(int)Math.Clamp(tableCount, 1, Math.Max(4, cacheBytes / TableBytes))];
    }

    public override int GrainBytes { get; }

    public override long GrainsPerTable => TableEntries;

    public int TableEntries { get; }

    public int TableBytes { get; }

    public long TableCount { get; }

    public override VmdkGrain Locate(long grain)
    {
        var (table, within) = Math.DivRem(grain, TableEntries);
        return Table(table) is { } bytes ? Decode(bytes, (int)within, grain) : default;
    }

    public override bool IsTableMissing(long table) => Table(table) is null;

    /// <summary>Reads a table; null when there is none.</summary>
    protected abstract byte[]? Load(long table);

    protected abstract VmdkGrain Decode(ReadOnlySpan<byte> table, int within, long grain);

    private byte[]? Table(long table)
    {
        ref var place = ref _slots[table % _slots.Length];
        var slot = Volatile.Read(ref place);
        if (slot is null || slot.Table != table)
        {
            // Hosted images have all their tables; one without grains is as good as none, and a walk over terabytes may skip it.
            slot = new Slot(table, Load(table) is { } bytes && bytes.AsSpan().ContainsAnyExcept((byte)0) ? bytes : null);
            Volatile.Write(ref place, slot);
        }

        return slot.Bytes;
    }

    private sealed record Slot(long Table, byte[]? Bytes);
}
