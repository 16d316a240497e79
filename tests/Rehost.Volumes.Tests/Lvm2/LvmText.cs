using System.Globalization;
using System.Text;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>Writes the section of logical volumes of a group's metadata, for kinds that lvcreate makes only with a device-mapper. vgcfgrestore checks it.</summary>
internal sealed class LvmText
{
    private readonly StringBuilder _text = new();
    private readonly Dictionary<string, int> _next = new(StringComparer.Ordinal);
    private int _ids;

    /// <summary>A linear part on one physical volume.</summary>
    public LvmText Linear(string name, int extents, string physical, bool isVisible = false)
    {
        var start = _next.GetValueOrDefault(physical);
        _next[physical] = start + extents;
        return Volume(name, extents, "striped", $"stripe_count = 1\nstripes = [\"{physical}\", {start}]", isVisible);
    }

    /// <summary>A RAID over physical volumes, with its metadata and image volumes.</summary>
    public LvmText Raid(string name, string type, int extents, int imageExtents, params string[] physical)
    {
        foreach (var (place, index) in physical.Select((place, index) => (place, index)))
        {
            Linear($"{name}_rmeta_{index}", 1, place);
            Linear($"{name}_rimage_{index}", imageExtents, place);
        }

        var parts = string.Join(", ", physical.Select((_, index) => $"\"{name}_rmeta_{index}\", \"{name}_rimage_{index}\""));
        var stripes = type == "raid1" ? "" : "stripe_size = 128\n";
        return Volume(name, extents, type, $"device_count = {physical.Length}\nregion_size = 1024\n{stripes}raids = [{parts}]");
    }

    /// <summary>A mirror of the old kind, its log in memory.</summary>
    public LvmText Mirror(string name, int extents, params string[] physical)
    {
        foreach (var (place, index) in physical.Select((place, index) => (place, index)))
        {
            Linear($"{name}_mimage_{index}", extents, place);
        }

        var parts = string.Join(", ", physical.Select((_, index) => $"\"{name}_mimage_{index}\", 0"));
        return Volume(name, extents, "mirror", $"mirror_count = {physical.Length}\nextents_moved = 0\nregion_size = 1024\nmirrors = [{parts}]");
    }

    public LvmText Volume(string name, int extents, string type, string segment, bool isVisible = true)
    {
        _text.Append(CultureInfo.InvariantCulture, $$"""
            {{name}} {
                id = "{{Id()}}"
                status = ["READ", "WRITE"{{(isVisible ? ", \"VISIBLE\"" : "")}}]
                flags = []
                creation_time = 1700000000 # a comment with { and "
                creation_host = "host"
                segment_count = 1
                segment1 {
                    start_extent = 0
                    extent_count = {{extents}}
                    type = "{{type}}"
                    {{segment}}
                }
            }

            """);
        return this;
    }

    /// <summary>Puts the volumes into a group's text.</summary>
    public string Into(string group)
    {
        var end = group.IndexOf("\n}\n", StringComparison.Ordinal);
        return group.Insert(end, $"\nlogical_volumes {{\n{_text}\n}}\n");
    }

    private string Id()
    {
        var text = (++_ids).ToString(CultureInfo.InvariantCulture).PadLeft(32, 'x');
        return $"{text[..6]}-{text[6..10]}-{text[10..14]}-{text[14..18]}-{text[18..22]}-{text[22..26]}-{text[26..]}";
    }
}
