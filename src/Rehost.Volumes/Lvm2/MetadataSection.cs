using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>A section of LVM's metadata: values and sections by name. What is not asked for is tolerated, so that tags and settings of later versions do no harm.</summary>
internal sealed class MetadataSection(string name)
{
    private readonly Dictionary<string, MetadataValue[]> _values = new(StringComparer.Ordinal);
    private readonly List<MetadataSection> _sections = [];

    public string Name => name;

    /// <summary>Sections in their order.</summary>
    public IReadOnlyList<MetadataSection> Sections => _sections;

    /// <summary>All values of all keys.</summary>
    public IEnumerable<MetadataValue> AllValues => _values.Values.SelectMany(values => values);

    public void Add(string key, MetadataValue[] values) => _values[key] = values;

    public void Add(MetadataSection section) => _sections.Add(section);

    public MetadataSection? Section(string key) => _sections.FirstOrDefault(section => section.Name == key);

    public MetadataValue[]? Values(string key) => _values.GetValueOrDefault(key);

    public string? Text(string key) => _values.GetValueOrDefault(key) is [{ Text: { } text }] ? text : null;

    public string NeedText(string key) => Text(key) ?? throw Missing(key, "a text");

    /// <summary>A number in a range.</summary>
    /// <exception cref="DiagnosticException">It is missing or out of the range (VOL005).</exception>
    public long NeedNumber(string key, long least, long most)
        => _values.GetValueOrDefault(key) is [{ Text: null } value] && value.Number >= least && value.Number <= most ? value.Number : throw Missing(key, $"a number of {least} to {most}");

    /// <summary>A number in a range, or what stands for it when it is missing.</summary>
    public long NumberOr(string key, long otherwise, long least, long most) => _values.ContainsKey(key) ? NeedNumber(key, least, most) : otherwise;

    /// <summary>The flags in a list; a single flag may stand without brackets.</summary>
    public IReadOnlySet<string> Flags(string key) => (_values.GetValueOrDefault(key) ?? []).Select(value => value.Text ?? "").ToHashSet(StringComparer.Ordinal);

    private DiagnosticException Missing(string key, string what) => VolumeDiagnostics.Damaged.ToException($"'{key}' is not {what}", $"LVM metadata, section '{name}'");
}
