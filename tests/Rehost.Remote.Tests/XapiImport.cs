using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;

namespace Rehost.Remote.Tests;

/// <summary>What a host does with an XVA: the description first, then each disk's chunks in order with their checksums (import.ml, stream_vdi.ml). The archive is read by .NET's own tar.</summary>
internal static class XapiImport
{
    public static List<string> Run(XapiDatabase database, byte[] archive, string repository, bool restore)
    {
        using var reader = new TarReader(new MemoryStream(archive));
        var description = Next(reader);
        if (description?.Name != "ova.xml")
        {
            throw new XapiRefusal("IMPORT_ERROR_UNEXPECTED_FILE", "ova.xml", description?.Name ?? "");
        }

        var root = (Dictionary<string, object>)XapiXmlText.Read(XElement.Parse(Encoding.UTF8.GetString(description.Value.Content)));
        var objects = ((List<object>)root["objects"]).Cast<Dictionary<string, object>>().ToArray();
        var sizes = objects.Where(item => (string)item["class"] == "VDI").ToDictionary(item => (string)item["id"], item => long.Parse(Text(item, "virtual_size"), CultureInfo.InvariantCulture), StringComparer.Ordinal);
        ReadDisks(reader, sizes);
        return Create(database, objects, repository, restore);
    }

#pragma warning disable CA5350 // the format's own checksum
    private static void ReadDisks(TarReader reader, Dictionary<string, long> sizes)
    {
        var ends = new Dictionary<string, long>(StringComparer.Ordinal);
        while (Next(reader) is { } chunk)
        {
            var (disk, number) = (chunk.Name.Split('/')[0], int.Parse(chunk.Name.Split('/')[1], CultureInfo.InvariantCulture));
            var checksum = Next(reader) ?? throw new XapiRefusal("IMPORT_ERROR_PREMATURE_EOF");
            var isSound = checksum.Name == chunk.Name + ".checksum" ? Encoding.ASCII.GetString(checksum.Content) == Convert.ToHexStringLower(SHA1.HashData(chunk.Content))
                : checksum.Name == chunk.Name + ".xxhash" ? checksum.Content.Length == 16 : throw new XapiRefusal("IMPORT_ERROR_UNEXPECTED_FILE", chunk.Name + ".checksum", checksum.Name);
            if (!isSound)
            {
                throw new XapiRefusal("IMPORT_ERROR_SOME_CHECKSUMS_FAILED");
            }

            if (!sizes.ContainsKey(disk) || (number == 0) == ends.ContainsKey(disk))
            {
                throw new XapiRefusal("IMPORT_ERROR_UNEXPECTED_FILE", disk, chunk.Name);
            }

            ends[disk] = (number * (1L << 20)) + chunk.Content.Length;
        }

        foreach (var (disk, size) in sizes)
        {
            if (ends.GetValueOrDefault(disk) != size)
            {
                throw new XapiRefusal("IMPORT_ERROR_PREMATURE_EOF");
            }
        }
    }

#pragma warning restore CA5350
    private static List<string> Create(XapiDatabase database, Dictionary<string, object>[] objects, string repository, bool restore)
    {
        lock (database)
        {
            if (!database.Has("SR", repository))
            {
                throw new XapiRefusal("HANDLE_INVALID", "SR", repository);
            }

            var references = new Dictionary<string, string>(StringComparer.Ordinal);
            string Look(string id) => references.GetValueOrDefault(id) ?? throw new XapiRefusal("IMPORT_ERROR_FAILED_TO_FIND_OBJECT", id);
            IEnumerable<Dictionary<string, object>> Of(string kind) => objects.Where(item => (string)item["class"] == kind);
            foreach (var item in Of("VM"))
            {
                references[(string)item["id"]] = database.Add("VM", new()
                {
                    ["uuid"] = restore ? Text(item, "uuid") : database.Uuid(), ["name_label"] = Text(item, "name_label"), ["power_state"] = "Halted",
                    ["is_a_template"] = false, ["is_a_snapshot"] = false, ["is_control_domain"] = false, ["VBDs"] = new List<string>(), ["VIFs"] = new List<string>(),
                });
            }

            foreach (var item in Of("VDI"))
            {
                references[(string)item["id"]] = database.Add("VDI", new() { ["uuid"] = database.Uuid(), ["name_label"] = Text(item, "name_label"), ["virtual_size"] = Text(item, "virtual_size") });
            }

            foreach (var item in Of("VBD"))
            {
                var machine = Look(Text(item, "VM"));
                var device = database.Add("VBD", new() { ["VM"] = machine, ["VDI"] = Look(Text(item, "VDI")), ["type"] = Text(item, "type"), ["userdevice"] = Text(item, "userdevice") });
                ((List<string>)database.All("VM")[machine]["VBDs"]).Add(device);
            }

            // Networks are found by bridge, else made: they lead nowhere then.
            foreach (var item in Of("network"))
            {
                references[(string)item["id"]] = database.All("network").Where(network => (string)network.Value["bridge"] == Text(item, "bridge")).Select(network => network.Key).FirstOrDefault()
                    ?? database.Add("network", new() { ["uuid"] = database.Uuid(), ["name_label"] = Text(item, "name_label"), ["bridge"] = "xapi0" });
            }

            foreach (var item in Of("VIF"))
            {
                var machine = Look(Text(item, "VM"));
                var adapter = database.Add("VIF", new()
                {
                    ["VM"] = machine, ["device"] = Text(item, "device"), ["network"] = Look(Text(item, "network")), ["MAC"] = restore ? Text(item, "MAC") : "02:00:00:00:00:01", ["MTU"] = "1500",
                    ["other_config"] = new Dictionary<string, object>(), ["qos_algorithm_type"] = "", ["qos_algorithm_params"] = new Dictionary<string, object>(),
                });
                ((List<string>)database.All("VM")[machine]["VIFs"]).Add(adapter);
            }

            return [.. Of("VM").Select(item => references[(string)item["id"]])];
        }
    }

    private static string Text(Dictionary<string, object> item, string field) => ((Dictionary<string, object>)item["snapshot"]).TryGetValue(field, out var value) ? value.ToString() ?? "" : throw new XapiRefusal("INTERNAL_ERROR", $"Field {field} not present in rpc");

    private static (string Name, byte[] Content)? Next(TarReader reader)
    {
        if (reader.GetNextEntry() is not { } entry)
        {
            return null;
        }

        using var content = new MemoryStream();
        entry.DataStream?.CopyTo(content);
        return (entry.Name, content.ToArray());
    }
}
