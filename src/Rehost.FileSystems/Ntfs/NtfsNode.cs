namespace Rehost.FileSystems.Ntfs;

/// <summary>A file or directory: its base record and all attributes, wherever they are recorded.</summary>
internal sealed class NtfsNode(MftRecord record)
{
    internal MftRecord Record => record;

    internal long Number => record.Number;

    internal ulong Reference => record.Reference;

    internal bool IsDirectory => record.IsDirectory;

    internal string Where => record.Where;

    internal List<NtfsAttribute> Attributes { get; } = [];

    /// <summary>Records that continue the base record.</summary>
    internal List<long> Extensions { get; } = [];

    /// <summary>The attribute list where it is in clusters, which are to be freed when it goes.</summary>
    internal NtfsAttribute? List { get; set; }

    internal NtfsAttribute? Find(uint type, string name = "")
    {
        foreach (var attribute in Attributes)
        {
            if (attribute.Type == type && attribute.Name == name)
            {
                return attribute;
            }
        }

        return null;
    }

    internal NtfsAttribute Demand(uint type, string name = "")
        => Find(type, name) ?? throw NtfsDiagnostics.BadRecord.ToException($"it has no attribute 0x{type:x} '{name}'", Where);

    internal IEnumerable<FileName> Names
        => Attributes.Where(attribute => attribute.Type == AttributeType.FileName && attribute.Value is not null).Select(attribute => FileName.Parse(attribute.Value, Where));
}
