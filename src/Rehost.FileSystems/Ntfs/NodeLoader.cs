using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>Puts the attributes of a file together from its base record and those that the attribute list names.</summary>
internal sealed class NodeLoader(NtfsBootSector boot, StreamReader streams)
{
    private const int LongestList = 256 << 10; // Windows' own limit
    private const int ListEntryHeader = 26;

    /// <summary>The attributes of a base record.</summary>
    internal NtfsNode Load(MftRecord record, Func<long, MftRecord> readRecord)
    {
        var node = new NtfsNode(record);
        AddAll(node, record, null);
        if (node.Find(AttributeType.AttributeList) is not { } list)
        {
            return node;
        }

        node.List = list;
        node.Attributes.Clear(); // the list says in which order extents follow each other
        var records = new Dictionary<long, MftRecord> { [record.Number] = record };
        var named = new HashSet<(long, ushort)>();
        foreach (var (number, instance) in ParseList(list, record.Where))
        {
            if (!named.Add((number, instance)))
            {
                throw NtfsDiagnostics.BadAttribute.ToException($"the attribute list names attribute {instance} of record {number} twice", record.Where);
            }

            if (!records.TryGetValue(number, out var holder))
            {
                holder = readRecord(number);
                if (!holder.IsInUse || holder.BaseReference != record.Reference)
                {
                    throw NtfsDiagnostics.BadRecord.ToException($"{record.Where} says that it continues there, and it belongs to {FileReference.Number(holder.BaseReference)}", holder.Where);
                }

                records.Add(number, holder);
                node.Extensions.Add(number);
            }

            AddAll(node, holder, instance);
        }

        return node;
    }

    /// <summary>Adds the attributes of a record, or the one of a given instance number.</summary>
    internal void AddAll(NtfsNode node, MftRecord record, ushort? instance, uint? only = null)
    {
        foreach (var (offset, length) in record.Attributes())
        {
            var raw = record.Raw.AsSpan(offset, length);
            var type = BinaryPrimitives.ReadUInt32LittleEndian(raw);
            if (only is null ? instance is null : type == only)
            {
                Add(node, raw, record.Where);
            }
            else if (only is null && (BinaryPrimitives.ReadUInt16LittleEndian(raw[14..]) == instance && type != AttributeType.AttributeList))
            {
                Add(node, raw, record.Where);
            }
        }
    }

    /// <summary>What the attribute list of a record names; empty when it has none.</summary>
    internal List<(long Record, ushort Instance)> ListOf(MftRecord record)
    {
        foreach (var (offset, _) in record.Attributes())
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(record.Raw.AsSpan(offset)) == AttributeType.AttributeList)
            {
                var node = new NtfsNode(record);
                AddAll(node, record, null, AttributeType.AttributeList);
                return node.Find(AttributeType.AttributeList) is { } list ? ParseList(list, record.Where) : [];
            }
        }

        return [];
    }

    /// <summary>Entries of an attribute list: in which record, and which of its attributes.</summary>
    private List<(long Record, ushort Instance)> ParseList(NtfsAttribute list, string where)
    {
        if (list.Length > LongestList)
        {
            throw NtfsDiagnostics.BadAttribute.ToException($"an attribute list of {list.Length} bytes", where);
        }

        var stored = new byte[list.Length];
        streams.Read(list, 0, stored, where);
        var content = stored.AsSpan();
        var entries = new List<(long, ushort)>();
        while (content.Length >= ListEntryHeader)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(content[4..]);
            if (length < ListEntryHeader || length > content.Length)
            {
                throw NtfsDiagnostics.BadAttribute.ToException($"an entry of {length} bytes in the attribute list, {content.Length} are left", where);
            }

            entries.Add((FileReference.Number(BinaryPrimitives.ReadUInt64LittleEndian(content[16..])), BinaryPrimitives.ReadUInt16LittleEndian(content[24..])));
            content = content[length..];
        }

        return entries;
    }

    private void Add(NtfsNode node, ReadOnlySpan<byte> raw, string where)
    {
        var type = BinaryPrimitives.ReadUInt32LittleEndian(raw);
        var (nameLength, nameOffset) = (raw[9], BinaryPrimitives.ReadUInt16LittleEndian(raw[10..]));
        if (nameOffset + (nameLength * 2) > raw.Length)
        {
            throw NtfsDiagnostics.BadAttribute.ToException($"attribute 0x{type:x} has a name of {nameLength} units at {nameOffset} of {raw.Length}", where);
        }

        var name = NtfsAttribute.ReadName(raw.Slice(nameOffset, nameLength * 2));
        if (raw[8] == 0)
        {
            node.Attributes.Add(ParseResident(raw, type, name, where));
            return;
        }

        if (raw.Length < NtfsAttribute.LongHeader)
        {
            throw NtfsDiagnostics.BadAttribute.ToException($"attribute 0x{type:x} has {raw.Length} bytes", where);
        }

        var lowest = BinaryPrimitives.ReadInt64LittleEndian(raw[16..]);
        var attribute = lowest == 0 ? ParseFirstExtent(raw, type, name, where) : node.Find(type, name);
        if (attribute is null || attribute.IsResident || attribute.Runs.End != lowest)
        {
            throw NtfsDiagnostics.BadRuns.ToException($"attribute 0x{type:x} goes on at cluster {lowest}, the runs before end at {attribute?.Runs.End ?? 0}", where);
        }

        if (lowest == 0)
        {
            if (node.Find(type, name) is not null)
            {
                throw NtfsDiagnostics.BadAttribute.ToException($"{attribute.Where} is there twice", where);
            }

            node.Attributes.Add(attribute);
        }

        var pairs = BinaryPrimitives.ReadUInt16LittleEndian(raw[32..]);
        if (pairs < NtfsAttribute.LongHeader || pairs > raw.Length)
        {
            throw NtfsDiagnostics.BadRuns.ToException($"attribute 0x{type:x} has its runs at {pairs} of {raw.Length}", where);
        }

        attribute.Runs.Decode(raw[pairs..], boot.ClusterCount, $"{where}, {attribute.Where}");
        var highest = BinaryPrimitives.ReadInt64LittleEndian(raw[24..]);
        if (highest != attribute.Runs.End - 1 && !(highest <= 0 && attribute.Runs.End == lowest))
        {
            throw NtfsDiagnostics.BadRuns.ToException($"{attribute.Where} is said to end with cluster {highest}, its runs end with {attribute.Runs.End - 1}", where);
        }
    }

    private static NtfsAttribute ParseResident(ReadOnlySpan<byte> raw, uint type, string name, string where)
    {
        var (length, offset) = (BinaryPrimitives.ReadUInt32LittleEndian(raw[16..]), BinaryPrimitives.ReadUInt16LittleEndian(raw[20..]));
        if (offset < NtfsAttribute.ResidentHeader || offset > raw.Length || length > raw.Length - offset)
        {
            throw NtfsDiagnostics.BadAttribute.ToException($"attribute 0x{type:x} has {length} bytes at {offset} of {raw.Length}", where);
        }

        return new NtfsAttribute(type, name)
        {
            Flags = BinaryPrimitives.ReadUInt16LittleEndian(raw[12..]),
            ResidentFlags = raw[22],
            Value = raw.Slice(offset, (int)length).ToArray(),
        };
    }

    private NtfsAttribute ParseFirstExtent(ReadOnlySpan<byte> raw, uint type, string name, string where)
    {
        var attribute = new NtfsAttribute(type, name)
        {
            Flags = BinaryPrimitives.ReadUInt16LittleEndian(raw[12..]),
            DataSize = BinaryPrimitives.ReadInt64LittleEndian(raw[48..]),
            InitializedSize = BinaryPrimitives.ReadInt64LittleEndian(raw[56..]),
            CompressionUnit = raw[34],
        };
        var allocated = BinaryPrimitives.ReadInt64LittleEndian(raw[40..]);
        if (allocated < 0 || attribute.DataSize < 0 || attribute.DataSize > allocated || attribute.InitializedSize < 0 || attribute.InitializedSize > attribute.DataSize)
        {
            throw NtfsDiagnostics.BadAttribute.ToException($"{attribute.Where} has {attribute.InitializedSize} bytes of {attribute.DataSize} of {allocated}", where);
        }

        // 16 clusters are the only unit that Windows makes, and only of clusters up to 4 KiB.
        return attribute.IsCompressed && (attribute.CompressionUnit is < 1 or > 4 || (long)boot.ClusterSize << attribute.CompressionUnit > 1 << 20)
            ? throw NtfsDiagnostics.BadAttribute.ToException($"{attribute.Where} is compressed in units of 2^{attribute.CompressionUnit} clusters", where)
            : attribute;
    }
}
