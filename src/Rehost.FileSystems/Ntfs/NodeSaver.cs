using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>
/// Lays the attributes of a file out in its records. What does not fit into the base record moves to others, which an attribute list then names; when all fits again the
/// others are given back.
/// </summary>
internal sealed class NodeSaver(NtfsVolume volume, StructureWriter writer, ClusterAllocator clusters, RecordAllocator records)
{
    private const int EndMarker = 8;
    private const int ListEntryHeader = 26;
    private const int ResidentListFraction = 4;
    private const int LongestList = 256 << 10;
    private const int LargestCompressedCluster = 4096;

    /// <summary>Whether all attributes fit into the base record.</summary>
    internal static bool Fits(NtfsNode node) => RoomIn(node.Record) >= 0 && node.Attributes.Sum(attribute => AttributePiece.Whole(attribute).Size) <= RoomIn(node.Record);

    internal void Save(NtfsNode node)
    {
        if (!Fits(node))
        {
            MoveDataOut(node);
        }

        Sort(node);
        if (Fits(node))
        {
            SaveWhole(node);
        }
        else
        {
            SaveWithList(node);
        }
    }

    /// <summary>Gives back everything that a file has, its record included.</summary>
    internal void Delete(NtfsNode node)
    {
        foreach (var attribute in node.Attributes)
        {
            clusters.Free(attribute);
        }

        DropList(node);
        FreeExtensions(node, 0);
        records.Free(node.Record);
    }

    /// <summary>Gives the content of a resident attribute clusters.</summary>
    internal void MakeNonResident(NtfsNode node, NtfsAttribute attribute)
    {
        if (attribute.Value is not { } value)
        {
            return;
        }

        attribute.Value = null;
        attribute.ResidentFlags = 0;
        attribute.Runs = new RunList();
        attribute.DataSize = attribute.InitializedSize = value.Length;
        if (attribute.IsCompressed)
        {
            const int unitOfWindows = 4;
            var canBeCompressed = volume.Boot.ClusterSize <= LargestCompressedCluster;
            attribute.CompressionUnit = canBeCompressed ? unitOfWindows : 0;
            attribute.Flags = canBeCompressed ? attribute.Flags : (ushort)(attribute.Flags & ~NtfsAttribute.CompressionMask);
        }

        var unit = 1L << attribute.CompressionUnit;
        var needed = (value.Length + volume.Boot.ClusterSize - 1L) / volume.Boot.ClusterSize;
        foreach (var (lcn, length) in clusters.Allocate((needed + unit - 1) / unit * unit))
        {
            attribute.Runs.Append(lcn, length);
        }

        writer.WriteContent(attribute, 0, value, node.Where);
        if (attribute.IsCompressed)
        {
            // A unit with all its clusters is one that did not become smaller, and is read as a whole.
            writer.ClearContent(attribute, value.Length, (attribute.Runs.End * volume.Boot.ClusterSize) - value.Length, node.Where);
        }
    }

    private static int RoomIn(MftRecord record) => record.Raw.Length - record.AttributesOffset - EndMarker;

    /// <summary>Content that is in the record leaves it, the largest first, before other records are taken.</summary>
    private void MoveDataOut(NtfsNode node)
    {
        const int worthIt = 64;
        while (!Fits(node)
            && node.Attributes.Where(attribute => attribute.Type == AttributeType.Data && attribute.Value?.Length > worthIt).MaxBy(attribute => attribute.Length) is { } largest)
        {
            MakeNonResident(node, largest);
        }
    }

    private void Sort(NtfsNode node)
    {
        var sorted = node.Attributes.OrderBy(attribute => attribute.Type)
            .ThenBy(attribute => attribute.Name, Comparer<string>.Create((left, right) => volume.UpperCase.Compare(left, System.Text.Encoding.Unicode.GetBytes(right)))).ToArray();
        node.Attributes.Clear();
        node.Attributes.AddRange(sorted);
    }

    private void SaveWhole(NtfsNode node)
    {
        DropList(node);
        FreeExtensions(node, 0);
        WriteRecord(node.Record, [.. node.Attributes.Select(AttributePiece.Whole)]);
    }

    private void SaveWithList(NtfsNode node)
    {
        if (node.Number == FileReference.Mft)
        {
            SaveTable(node);
            return;
        }

        if (node.Number < FileReference.FirstUserRecord && node.Number != FileReference.Root)
        {
            throw NtfsDiagnostics.TooFragmented.ToException("what it has to record does not fit into its record, and it is a file of the file system itself", node.Where);
        }

        var movable = node.Attributes.Where(attribute => attribute.Type is not (AttributeType.StandardInformation or AttributeType.IndexRoot))
            .OrderBy(attribute => attribute.IsResident).ThenByDescending(attribute => AttributePiece.Whole(attribute).Size)
            .Concat(node.Attributes.Where(attribute => attribute.Type == AttributeType.IndexRoot && attribute.Name != IndexReader.DirectoryIndex)).ToArray();
        for (var count = 1; count <= movable.Length; count++)
        {
            var moved = movable[..count].ToHashSet();
            var kept = node.Attributes.Where(attribute => !moved.Contains(attribute)).Select(AttributePiece.Whole).ToList();
            var others = Pack(node, node.Attributes.Where(moved.Contains).Select(attribute => (attribute, 0L)));
            var listSize = kept.Concat(others.SelectMany(record => record)).Sum(ListEntrySize);
            var list = new NtfsAttribute(AttributeType.AttributeList, "");
            if (listSize <= volume.Boot.RecordSize / ResidentListFraction)
            {
                list.Value = new byte[listSize];
            }

            var listRoom = list.IsResident ? AttributePiece.Whole(list).Size : NtfsAttribute.LongHeader + (volume.Boot.RecordSize / 16);
            if (listSize <= LongestList && kept.Sum(piece => piece.Size) + listRoom <= RoomIn(node.Record))
            {
                WriteWithList(node, kept, others, list, listSize);
                return;
            }
        }

        throw NtfsDiagnostics.TooFragmented.ToException($"{node.Attributes.Count} attributes cannot be recorded", node.Where);
    }

    /// <summary>
    /// The table's own data begins in its base record, and goes on in records that lie in what was described before them: whoever reads the table must find them.
    /// </summary>
    private void SaveTable(NtfsNode node)
    {
        const int listEntries = 8;
        var listRoom = NtfsAttribute.ResidentHeader + Math.Max(listEntries * NtfsAttribute.Align(ListEntryHeader), NtfsAttribute.LongHeader + (volume.Boot.RecordSize / 16));
        var data = volume.Table.Data;
        var kept = node.Attributes.Where(attribute => attribute.Type < AttributeType.Data).Select(AttributePiece.Whole).ToList();
        if (AttributePiece.Part(data, 0, RoomIn(node.Record) - listRoom - kept.Sum(piece => piece.Size)) is not { } first || first.ToVcn == 0)
        {
            throw NtfsDiagnostics.TooFragmented.ToException("its record has no room for the first of its clusters", node.Where);
        }

        kept.Add(first);
        var moved = node.Attributes.Where(attribute => attribute.Type > AttributeType.Data || (attribute.Type == AttributeType.Data && attribute != data)).Select(attribute => (attribute, 0L));
        var others = Pack(node, first.ToVcn < data.Runs.End ? moved.Prepend((data, first.ToVcn)) : moved);
        var listSize = kept.Concat(others.SelectMany(record => record)).Sum(ListEntrySize);
        var list = new NtfsAttribute(AttributeType.AttributeList, "");
        if (listSize <= listEntries * NtfsAttribute.Align(ListEntryHeader))
        {
            list.Value = new byte[listSize];
        }

        WriteWithList(node, kept, others, list, listSize);
    }

    private static void DemandReachable(MftRecord holder, List<AttributePiece> pieces, NtfsNode node, long recordSize, long clusterSize)
    {
        var lastVcn = (((holder.Number + 1) * recordSize) - 1) / clusterSize;
        if (pieces.Any(piece => piece.Attribute.Type == AttributeType.Data && piece.FromVcn <= lastVcn))
        {
            throw NtfsDiagnostics.TooFragmented.ToException($"{holder.Where} would have to describe the clusters that it lies in", node.Where);
        }
    }

    private static int ListEntrySize(AttributePiece piece) => NtfsAttribute.Align(ListEntryHeader + piece.Attribute.NameBytes);

    /// <summary>Puts attributes into as many further records as they need.</summary>
    private List<List<AttributePiece>> Pack(NtfsNode node, IEnumerable<(NtfsAttribute Attribute, long FromVcn)> attributes)
    {
        var room = RoomIn(volume.FormatRecord(node.Number, 1));
        var packed = new List<List<AttributePiece>>();
        var left = 0;
        void NextRecord()
        {
            packed.Add([]);
            left = room;
        }

        void Put(AttributePiece piece)
        {
            packed[^1].Add(piece);
            left -= piece.Size;
        }

        foreach (var (attribute, fromVcn) in attributes)
        {
            if (attribute.IsResident)
            {
                var piece = AttributePiece.Whole(attribute);
                if (piece.Size > room)
                {
                    throw NtfsDiagnostics.TooFragmented.ToException($"{attribute.Where} has {piece.Size} bytes, a record has room for {room}", node.Where);
                }

                if (piece.Size > left)
                {
                    NextRecord();
                }

                Put(piece);
                continue;
            }

            for (var vcn = fromVcn; ;)
            {
                var part = AttributePiece.Part(attribute, vcn, left);
                if (part is null || (part.ToVcn == vcn && attribute.Runs.End > vcn))
                {
                    NextRecord();
                    part = AttributePiece.Part(attribute, vcn, left) ?? throw NtfsDiagnostics.TooFragmented.ToException($"{attribute.Where} does not fit into a record", node.Where);
                }

                Put(part);
                vcn = part.ToVcn;
                if (vcn >= attribute.Runs.End)
                {
                    break;
                }
            }
        }

        return packed;
    }

    private void WriteWithList(NtfsNode node, List<AttributePiece> kept, List<List<AttributePiece>> others, NtfsAttribute list, int listSize)
    {
        var isTable = node.Number == FileReference.Mft;
        var holders = new List<MftRecord>();
        for (var i = 0; i < others.Count; i++)
        {
            if (i < node.Extensions.Count)
            {
                var old = volume.Table.ReadRecord(node.Extensions[i]);
                var reused = volume.FormatRecord(old.Number, old.Sequence);
                reused.Flags = MftRecord.InUseFlag;
                holders.Add(reused);
            }
            else
            {
                holders.Add(isTable ? records.AllocateForTable() : records.Allocate(Save));
            }

            if (isTable)
            {
                DemandReachable(holders[i], others[i], node, volume.Boot.RecordSize, volume.Boot.ClusterSize);
            }

            holders[i].SetBase(node.Reference);
        }

        FreeExtensions(node, others.Count);
        node.Extensions.Clear();
        node.Extensions.AddRange(holders.Select(holder => holder.Number));
        DropList(node);
        if (!list.IsResident)
        {
            list.DataSize = list.InitializedSize = listSize;
            foreach (var (lcn, length) in clusters.Allocate((listSize + volume.Boot.ClusterSize - 1L) / volume.Boot.ClusterSize))
            {
                list.Runs.Append(lcn, length);
            }
        }

        // The list itself stands among the kept attributes, after the standard information; its content needs to know the number that each attribute gets in its record.
        node.List = list;
        var inBase = kept.Where(piece => piece.Attribute.Type < AttributeType.AttributeList).Append(AttributePiece.Whole(list))
            .Concat(kept.Where(piece => piece.Attribute.Type > AttributeType.AttributeList)).ToList();
        var entries = inBase.Select((piece, index) => (Piece: piece, Holder: node.Record, Instance: (ushort)index))
            .Where(entry => entry.Piece.Attribute != list)
            .Concat(others.SelectMany((pieces, record) => pieces.Select((piece, index) => (Piece: piece, Holder: holders[record], Instance: (ushort)index))))
            .OrderBy(entry => node.Attributes.IndexOf(entry.Piece.Attribute)).ThenBy(entry => entry.Piece.FromVcn);
        var content = new byte[listSize];
        var at = 0;
        foreach (var (piece, holder, instance) in entries)
        {
            WriteListEntry(content.AsSpan(at, ListEntrySize(piece)), piece, holder.Reference, instance);
            at += ListEntrySize(piece);
        }

        writer.Write(list, 0, content, node.Where);
        for (var i = 0; i < others.Count; i++)
        {
            WriteRecord(holders[i], others[i]);
        }

        WriteRecord(node.Record, inBase);
    }

    private static void WriteListEntry(Span<byte> target, AttributePiece piece, ulong reference, ushort instance)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, piece.Attribute.Type);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], (ushort)target.Length);
        target[6] = (byte)piece.Attribute.Name.Length;
        target[7] = ListEntryHeader;
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], piece.FromVcn);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], reference);
        BinaryPrimitives.WriteUInt16LittleEndian(target[24..], instance);
        piece.Attribute.WriteName(target[ListEntryHeader..]);
    }

    private void WriteRecord(MftRecord record, List<AttributePiece> pieces)
    {
        var offset = record.AttributesOffset;
        record.SetEnd(offset, 0);
        ushort instance = 0;
        if (pieces.Sum(piece => piece.Size) > RoomIn(record))
        {
            throw NtfsDiagnostics.TooFragmented.ToException($"{pieces.Count} attributes do not fit into its record", record.Where);
        }

        foreach (var piece in pieces)
        {
            var target = record.Raw.AsSpan(offset, piece.Size);
            target.Clear();
            piece.Write(target, instance++, volume.Boot.ClusterSize);
            offset += piece.Size;
        }

        record.SetEnd(offset, instance);
        records.Write(record);
    }

    private void DropList(NtfsNode node)
    {
        if (node.List is { } list)
        {
            clusters.Free(list);
            node.List = null;
        }
    }

    private void FreeExtensions(NtfsNode node, int keep)
    {
        foreach (var number in node.Extensions.Skip(keep))
        {
            records.Free(volume.Table.ReadRecord(number));
        }

        node.Extensions.RemoveRange(Math.Min(keep, node.Extensions.Count), Math.Max(0, node.Extensions.Count - keep));
    }
}
