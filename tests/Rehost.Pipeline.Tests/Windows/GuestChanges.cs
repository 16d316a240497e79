using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Rehost.Testing;
using Rehost.Testing.Windows;
using Rehost.WindowsRegistry;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>What a conversion changed in a phony Windows: keys and values of its hives, files by their content, one a line; so that two conversions can be held against each other.</summary>
internal static class GuestChanges
{
    private const string Removed = "(removed)";
    private static readonly string[] Hives = ["/system32/config/system", "/system32/config/software", "/system32/config/drivers", "/boot/bcd"];

    /// <summary>What is in the image after a conversion and was not there or was other before, and what is gone.</summary>
    public static ImmutableSortedDictionary<string, string> Find(PhonyWindows windows, PhonyDisk disk, string before, string after, ScratchDirectory scratch)
    {
        var (old, fresh) = (Read(windows, disk, before, scratch), Read(windows, disk, after, scratch));
        return old.Keys.Union(fresh.Keys).Where(subject => old.GetValueOrDefault(subject) != fresh.GetValueOrDefault(subject))
            .ToImmutableSortedDictionary(subject => subject, subject => fresh.GetValueOrDefault(subject, Removed), StringComparer.Ordinal);
    }

    /// <summary>As lines of a file, and back.</summary>
    public static string Write(ImmutableSortedDictionary<string, string> changes) => string.Concat(changes.Select(change => $"{change.Key} = {change.Value.Replace("\n", " | ", StringComparison.Ordinal)}\n"));

    public static ImmutableSortedDictionary<string, string> Parse(string text)
        => text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(" = ", 2)).ToImmutableSortedDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static Dictionary<string, string> Read(PhonyWindows windows, PhonyDisk disk, string image, ScratchDirectory scratch)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        ReadNtfs("", image, disk.SystemOffset, windows.SystemMebibytes, scratch, found);
        if (windows.HasSystemReserved)
        {
            ReadNtfs("reserved:", image, 1 << 20, 20, scratch, found);
        }

        if (windows.IsUefi)
        {
            Directory.CreateDirectory(scratch["esp"]);
            Tool.MustRun("sh", "-c", $"dd if='{image}' of='{scratch["esp.img"]}' bs=1M skip=1 count=32 status=none && mcopy -s -n -i '{scratch["esp.img"]}' ::/ '{scratch["esp"]}'");
            ReadTree("esp:", scratch["esp"], found);
            Directory.Delete(scratch["esp"], recursive: true);
        }

        return found;
    }

    private static void ReadNtfs(string prefix, string image, long offset, int mebibytes, ScratchDirectory scratch, Dictionary<string, string> found)
    {
        var (volume, mount) = (scratch["changes.img"], scratch["changes"]);
        Tool.MustRun("sh", "-c", $"dd if='{image}' of='{volume}' bs=1M skip={offset >> 20} count={mebibytes} conv=sparse status=none");
        Directory.CreateDirectory(mount);
        using (new Mounted(volume, mount, "-t", "ntfs-3g", "-o", "ro"))
        {
            ReadTree(prefix, mount, found);
        }

        File.Delete(volume);
    }

    private static void ReadTree(string prefix, string directory, Dictionary<string, string> found)
    {
        foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            var path = file[directory.Length..].ToLowerInvariant();
            if (Hives.Any(hive => path.EndsWith(hive, StringComparison.Ordinal)))
            {
                var hive = Hive.Open(File.ReadAllBytes(file), new HiveOpenOptions());
                ReadKey(prefix + path[(path.LastIndexOf('/') + 1)..].ToUpperInvariant(), hive.Root, found);
            }
            else
            {
                var content = File.ReadAllBytes(file);
                found[$"{prefix}{path}"] = string.Create(CultureInfo.InvariantCulture, $"{content.Length} bytes {Convert.ToHexStringLower(SHA256.HashData(content))[..12]}");
            }
        }
    }

    private static void ReadKey(string path, RegistryKey key, Dictionary<string, string> found)
    {
        found[path] = "key";
        foreach (var value in key.Values)
        {
            found[$"{path} : {value.Name.ToLowerInvariant()}"] = RegistryDataForm.Of(value).ToString();
        }

        foreach (var subkey in key.Subkeys)
        {
            ReadKey($@"{path}\{subkey.Name.ToLowerInvariant()}", subkey, found);
        }
    }
}
