using System.Globalization;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>One line of the extent description: <c>RW 4192256 SPARSE "disk-s001.vmdk"</c>.</summary>
/// <param name="Access">RW, RDONLY or NOACCESS.</param>
/// <param name="Sectors">Sectors of the disk that it holds.</param>
/// <param name="Kind">FLAT, SPARSE, ZERO, VMFS, VMFSSPARSE, SESPARSE, VMFSRDM, VMFSRAW …</param>
/// <param name="FileName">The file, as written; null for ZERO.</param>
/// <param name="Offset">First sector in the file, of flat extents; null when not written.</param>
internal sealed record VmdkExtentLine(string Access, long Sectors, string Kind, string? FileName, long? Offset)
{
    /// <summary>What follows: a partition's UUID and a device identifier, of disks that are not read.</summary>
    public string Rest { get; init; } = "";

    /// <summary>Reads a line; null when it is none, an exception-free refusal in <paramref name="fault"/> when it is a wrong one.</summary>
    public static VmdkExtentLine? TryParse(string line, out string? fault)
    {
        fault = null;
        var words = line.Split((char[]?)null, 4, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0 || words[0] is not ("RW" or "RDONLY" or "NOACCESS"))
        {
            return null;
        }

        if (words.Length < 3 || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var sectors) || sectors > (long)VmdkHeader.CapacityMax)
        {
            fault = $"the extent line '{line}' has no sectors or no kind";
            return null;
        }

        string? name = null;
        var rest = words.Length > 3 ? words[3].Trim() : "";
        if (rest.StartsWith('"'))
        {
            // A name may hold quotes itself; what follows it never does, so the last one ends it, except for devices, which are not read.
            var end = rest.LastIndexOf('"');
            if (end == 0)
            {
                fault = $"the name in the extent line '{line}' does not end";
                return null;
            }

            name = rest[1..end];
            rest = rest[(end + 1)..].Trim();
        }

        long? offset = null;
        var first = rest.Split(' ', 2)[0];
        if (name is not null && first.Length > 0 && long.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            if (number > (long)VmdkHeader.CapacityMax)
            {
                fault = $"the extent line '{line}' has an impossible offset";
                return null;
            }

            offset = number;
            rest = rest[first.Length..].Trim();
        }

        return new VmdkExtentLine(words[0], sectors, words[2], name, offset) { Rest = rest };
    }

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Access} {Sectors} {Kind}{(FileName is null ? "" : $" \"{FileName}\"")}{(Offset is null ? "" : $" {Offset}")}{(Rest.Length == 0 ? "" : " " + Rest)}");
}
