using System.Collections.Immutable;
using System.Formats.Tar;
using System.Globalization;
using System.Text;

namespace Rehost.Proof.Xen;

/// <summary>What dom0 is told to do: an archive that it gets as a disk (build/fixtures/xen-lab/lab-job reads it).</summary>
internal static class XenLabJob
{
    /// <summary>Writes the archive.</summary>
    /// <param name="path">File to write.</param>
    /// <param name="nonce">Word that starts dom0's lines between the guests' output.</param>
    /// <param name="guests">The guests.</param>
    public static void Write(string path, string nonce, ImmutableArray<XenLabGuest> guests)
    {
        using var file = File.Create(path);
        using var tar = new TarWriter(file, TarEntryFormat.Ustar, leaveOpen: false);
        AddText(tar, "nonce", nonce + "\n");
        AddText(tar, "guests", string.Create(CultureInfo.InvariantCulture, $"{guests.Length}\n"));
        AddText(tar, "bridges", string.Concat(guests.SelectMany(guest => guest.Bridges).Distinct(StringComparer.Ordinal).Select(name => name + "\n")));
        for (var number = 0; number < guests.Length; number++)
        {
            var folder = number.ToString(CultureInfo.InvariantCulture);
            var guest = guests[number];
            Add(tar, $"{folder}/guest.cfg", guest.Source.ConfigPath);
            AddText(tar, $"{folder}/links", string.Concat(guest.Disks.Select((disk, index) => $"{Serial(number, index)} {disk.DomainPath}\n")));
            AddText(tar, $"{folder}/files", string.Concat(guest.Files.Select((item, index) => string.Create(CultureInfo.InvariantCulture, $"file{index} {item.DomainPath}\n"))));
            for (var index = 0; index < guest.Files.Length; index++)
            {
                Add(tar, string.Create(CultureInfo.InvariantCulture, $"{folder}/file{index}"), guest.Files[index].HostPath);
            }
        }
    }

    /// <summary>Serial number of a disk, by which dom0 knows it.</summary>
    public static string Serial(int guest, int disk) => string.Create(CultureInfo.InvariantCulture, $"g{guest}d{disk}");

    private static void Add(TarWriter tar, string name, string path)
    {
        using var content = File.OpenRead(path);
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = content });
    }

    private static void AddText(TarWriter tar, string name, string text)
    {
        using var content = new MemoryStream(Encoding.UTF8.GetBytes(text));
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = content });
    }
}
