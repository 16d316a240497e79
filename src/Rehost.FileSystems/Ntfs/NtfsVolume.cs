using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Ntfs;

/// <summary>The parts that read a file system, put together.</summary>
internal sealed class NtfsVolume
{
    private const int MostUpperCaseBytes = 128 << 10;
    private const int HibernationHeader = 4096;
    private const int LongestReparse = 64 << 10;
    private const int ComparedRecords = 4;
    private const ushort DirtyFlag = 1;
    private const ushort UnfinishedFlags = 0x4032; // log to be resized, USN journal to be deleted, object ids to be repaired, chkdsk under way

    internal NtfsVolume(IBlockDevice device, NtfsBootSector boot)
    {
        (Device, Boot) = (device, boot);
        Cache = new PageCache(device);
        Streams = new StreamReader(boot, Cache);
        Table = new MasterFileTable(boot, Cache, Streams);
        UpperCase = ReadUpperCase();
        var information = Table.GetNode(FileReference.Volume).Demand(AttributeType.VolumeInformation).Value;
        if (information is not { Length: >= 12 })
        {
            throw NtfsDiagnostics.BadAttribute.ToException("the volume's version is missing", $"MFT record {FileReference.Volume}");
        }

        Version = (information[8], information[9]);
        Flags = BinaryPrimitives.ReadUInt16LittleEndian(information.AsSpan(10));
    }

    internal IBlockDevice Device { get; }

    internal NtfsBootSector Boot { get; }

    internal PageCache Cache { get; }

    internal StreamReader Streams { get; }

    internal MasterFileTable Table { get; }

    internal UpperCaseTable UpperCase { get; }

    internal (int Major, int Minor) Version { get; }

    internal ushort Flags { get; }

    internal string? Label
        => Table.GetNode(FileReference.Volume).Find(AttributeType.VolumeName) is { Value.Length: > 1 } name ? NtfsAttribute.ReadName(name.Value) : null;

    internal NtfsAttribute Bitmap => Table.GetNode(FileReference.Bitmap).Demand(AttributeType.Data);

    /// <summary>Findings that say that the volume is not as Windows would leave it when shut down; empty when it is.</summary>
    internal IReadOnlyList<Diagnostic> FindUncleanState()
    {
        var findings = new List<Diagnostic>();
        if (IsHibernated())
        {
            findings.Add(NtfsDiagnostics.Hibernated.Create("hiberfil.sys holds the memory of a running Windows (hibernation or fast startup)", "/hiberfil.sys"));
        }

        if (LogFileState.FindFault(Table.GetNode(FileReference.LogFile), Streams) is { } fault)
        {
            findings.Add(NtfsDiagnostics.LogNotClean.Create(fault, "$LogFile"));
        }

        if ((Flags & (DirtyFlag | UnfinishedFlags)) != 0)
        {
            findings.Add(NtfsDiagnostics.MarkedDirty.Create($"its flags are 0x{Flags:x4}", "$Volume"));
        }

        return findings;
    }

    /// <summary>Why the file system must not be written by this code; null when it may.</summary>
    internal string? FindReadOnlyReason()
    {
        if (!Device.CanWrite)
        {
            return "the device was opened for reading";
        }

        if (Version.Major != 3)
        {
            return $"it is of version {Version.Major}.{Version.Minor} (Windows NT 4 or older), needed 3.0 or 3.1";
        }

        if (FindUncleanState() is [var finding, ..])
        {
            return $"{finding.Message}. {finding.NextStep}";
        }

        return FindMirrorFault() is { } fault ? fault.Message : null;
    }

    /// <summary>The first records are kept twice; implementations refuse a volume where they differ.</summary>
    internal Diagnostic? FindMirrorFault()
    {
        try
        {
            for (var number = 0L; number < Math.Min(MirroredRecords, ComparedRecords); number++)
            {
                var mirror = new byte[Boot.RecordSize];
                Streams.ReadStructure(Mirror, number * Boot.RecordSize, mirror, "$MFTMirr");
                UpdateSequence.Apply(mirror, NtfsDiagnostics.MirrorDiffers, "$MFTMirr");
                var record = Table.ReadRecord(number);
                var used = Math.Min(record.BytesUsed, mirror.Length);

                // The update sequence may differ: it is advanced for each copy.
                if (!MftRecord.HasMagic(mirror) || !mirror.AsSpan(8, 40).SequenceEqual(record.Raw.AsSpan(8, 40))
                    || !mirror.AsSpan(record.AttributesOffset, used - record.AttributesOffset).SequenceEqual(record.Raw.AsSpan(record.AttributesOffset, used - record.AttributesOffset)))
                {
                    return NtfsDiagnostics.MirrorDiffers.Create($"record {number} differs from its mirror", "$MFTMirr");
                }
            }

            return null;
        }
        catch (DiagnosticException e)
        {
            return e.Diagnostic;
        }
    }

    internal NtfsAttribute Mirror => Table.GetNode(FileReference.MftMirror).Demand(AttributeType.Data);

    /// <summary>Records that the mirror has room for: four, or as many as a cluster holds. All are kept equal; others look at the first four at least.</summary>
    internal long MirroredRecords => Mirror.Length / Boot.RecordSize;

    /// <summary>A new record, laid out as the volume's version does.</summary>
    internal MftRecord FormatRecord(long number, ushort sequence) => MftRecord.Format(number, Boot.RecordSize, sequence, Version.Minor >= 1);

    /// <summary>The reparse point of a node; null when it has none.</summary>
    internal ReparsePoint? ReadReparsePoint(NtfsNode node)
    {
        if (node.Find(AttributeType.ReparsePoint) is not { } attribute)
        {
            return null;
        }

        if (attribute.Length > LongestReparse)
        {
            throw NtfsDiagnostics.BadReparse.ToException($"{attribute.Length} bytes", node.Where);
        }

        var raw = new byte[attribute.Length];
        Streams.Read(attribute, 0, raw, node.Where);
        return new ReparsePoint(raw, node.Where);
    }

    internal IndexReader OpenDirectory(NtfsNode node) => new(Boot, Streams, node, IndexReader.DirectoryIndex);

    /// <summary>The entry of a directory with a name, by exact case first; aliases are found too.</summary>
    internal IndexEntry? FindEntry(NtfsNode directory, string name)
    {
        var index = OpenDirectory(directory);
        var where = directory.Where;
        var found = index.Find(key => UpperCase.CompareIgnoringCase(name, FileName.UnitsOf(key, where)));
        return found is null || FileName.Parse(found.Key, where).Name == name ? found : index.Find(key => UpperCase.Compare(name, FileName.UnitsOf(key, where))) ?? found;
    }

    private bool IsHibernated()
    {
        if (FindEntry(Table.GetNode(FileReference.Root), "hiberfil.sys") is not { } entry
            || Table.GetNode(entry.Reference).Find(AttributeType.Data) is not { } data || data.Length < HibernationHeader)
        {
            return false;
        }

        Span<byte> magic = stackalloc byte[4];
        Streams.Read(data, 0, magic, "/hiberfil.sys");
        return magic.SequenceEqual("hibr"u8) || magic.SequenceEqual("HIBR"u8);
    }

    private UpperCaseTable ReadUpperCase()
    {
        var data = Table.GetNode(FileReference.UpperCase).Demand(AttributeType.Data);
        var content = new byte[(int)Math.Min(data.Length, MostUpperCaseBytes)];
        Streams.Read(data, 0, content, "$UpCase");
        return new UpperCaseTable(content);
    }
}
