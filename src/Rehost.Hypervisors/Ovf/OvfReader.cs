using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>
/// Reads a descriptor: OVF 0.9 (sections told by xsi:type), 1 and 2 (by element names), and oVirt's dialect, whose sections are those of 0.9 and whose
/// sizes are in gibibytes. DMTF DSP0243.
/// </summary>
internal static class OvfReader
{
    private const long MaximumCapacity = 1L << 56;
    private const int MaximumDisks = 512;

    /// <summary>Reads a descriptor.</summary>
    /// <exception cref="DiagnosticException">Some OVF finding.</exception>
    public static OvfEnvelope Read(byte[] xml, string where)
    {
        var root = OvfXmlReader.Read(xml, where);
        if (root.Name != "Envelope")
        {
            throw OvfDiagnostics.BadXml.ToException($"the document is a <{root.Name}>, not an OVF Envelope", where);
        }

        var files = root.All("References").SelectMany(references => references.All("File")).Select(file => ReadFile(file, where)).ToImmutableArray();

        // A disk section is whatever holds disks: <DiskSection>, or <Section xsi:type="ovf:DiskSection_Type">.
        var disks = root.Children.Where(section => section.Name != "References").SelectMany(section => section.All("Disk")).Select(disk => ReadDisk(disk, where)).ToImmutableArray();
        if (files.Length > MaximumDisks || disks.Length > MaximumDisks)
        {
            throw OvfDiagnostics.TooLarge.ToException($"{files.Length} files and {disks.Length} disks; at most {MaximumDisks} are read", where);
        }

        Unique(files.Select(file => file.Id), "file", where);
        Unique(disks.Select(disk => disk.Id), "disk", where);
        var configurations = root.Children.SelectMany(section => section.All("Configuration")).Where(configuration => configuration["id"] is not null).ToArray();
        return new OvfEnvelope(root["version"] ?? "", files, disks, [.. Systems(root)])
        {
            DefaultConfiguration = (configurations.FirstOrDefault(configuration => configuration["default"] == "true") ?? configurations.FirstOrDefault())?["id"],
        };
    }

    private static void Unique(IEnumerable<string> ids, string what, string where)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        if (ids.FirstOrDefault(id => !seen.Add(id)) is { } twice)
        {
            throw OvfDiagnostics.BadReference.ToException($"two {what}s have the id '{twice}'", where);
        }
    }

    // The reader limits the depth, hence the recursion.
    private static IEnumerable<OvfElement> Systems(OvfElement parent)
        => parent.Children.SelectMany(child => child.Name switch
        {
            "VirtualSystem" => [child],
            "VirtualSystemCollection" => Systems(child),
            "Content" => child["type"]?.Contains("Collection", StringComparison.Ordinal) == true ? Systems(child) : [child],
            _ => [],
        });

    private static OvfFile ReadFile(OvfElement file, string where)
    {
        var href = file["href"] ?? throw OvfDiagnostics.BadReference.ToException($"the file '{file["id"]}' has no href", where);
        var compression = file["compression"];
        if (compression is not null && compression is not ("gzip" or "identity"))
        {
            throw OvfDiagnostics.Unsupported.ToException($"the file '{href}' is compressed by '{compression}'; gzip is read", where);
        }

        return new OvfFile(file["id"] ?? href, href, Number(file["size"], 1, $"size of '{href}'", where), compression == "gzip", Number(file["chunkSize"], 1, $"chunkSize of '{href}'", where) is { } size and > 0 ? size : null);
    }

    private static OvfDisk ReadDisk(OvfElement disk, string where)
    {
        var id = disk["diskId"] ?? throw OvfDiagnostics.BadReference.ToException("a disk has no diskId", where);
        if (disk["parentRef"] is { } parent && parent.Trim('0', '-').Length > 0)
        {
            throw OvfDiagnostics.Unsupported.ToException($"the disk '{id}' holds only differences to '{parent}'", where);
        }

        // A capacity may be a property that the importer asks for (${disk.size}): then only the image knows it.
        var unit = OvfUnits.BytesOf(disk["capacityAllocationUnits"])
            ?? throw OvfDiagnostics.BadField.ToException($"capacityAllocationUnits of '{id}' is '{disk["capacityAllocationUnits"]}'", where);
        var capacity = disk["capacity"] is { } text && !text.StartsWith("${", StringComparison.Ordinal) ? Number(text, unit, $"capacity of '{id}'", where)
            : Number(disk["size"], 1L << 30, $"size of '{id}'", where);
        return new OvfDisk(id, disk["fileRef"], capacity, FormatOf(disk), disk["disk-interface"], string.Equals(disk["boot"], "true", StringComparison.OrdinalIgnoreCase));
    }

    // The names under which products know the formats are URIs that were never meant to be opened.
    private static string? FormatOf(OvfElement disk)
    {
        if (disk["volume-format"] is { } volume)
        {
            return volume.Equals("COW", StringComparison.OrdinalIgnoreCase) ? "qcow2" : "raw";
        }

        var uri = disk["format"] ?? "";
        return new (string Part, string Format)[]
        {
            ("vmdk", "vmdk"), ("vhdx", "vhdx"), ("vhd", "vhd"), ("VirtualHardDisk", "vhd"), ("Virtual_hard_disk", "vhd"), ("technet.microsoft.com/en-us/virtualserver", "vhd"),
            ("qcow", "qcow2"), ("vdi", "vdi"), ("wikipedia.org/wiki/Byte", "raw"),
        }.FirstOrDefault(known => uri.Contains(known.Part, StringComparison.OrdinalIgnoreCase)).Format;
    }

    private static long? Number(string? text, long unit, string what, string where)
        => text is null ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MaximumCapacity / unit ? number * unit
            : throw OvfDiagnostics.BadField.ToException($"{what} is '{text}', not a number of bytes up to {MaximumCapacity}", where);
}
