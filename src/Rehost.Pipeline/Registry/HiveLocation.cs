using Rehost.FileSystems;
using Rehost.WindowsRegistry;

namespace Rehost.Pipeline.Registry;

/// <summary>Which hive is meant: a file of the host, or a hive of a guest, by its name or path.</summary>
/// <param name="Path">The hive file, or the source that holds the guest.</param>
/// <param name="GuestPath">The hive in the guest; null for a file of the host.</param>
public sealed record HiveLocation(string Path, string? GuestPath)
{
    private const int LargestHive = 1 << 30;
    private static readonly string[] LogEndings = [".LOG", ".LOG1", ".LOG2"];
    private static readonly Dictionary<string, string[]> KnownHives = new(StringComparer.OrdinalIgnoreCase)
    {
        ["SYSTEM"] = Config("SYSTEM"), ["SOFTWARE"] = Config("SOFTWARE"), ["SAM"] = Config("SAM"), ["SECURITY"] = Config("SECURITY"), ["DEFAULT"] = Config("DEFAULT"), ["COMPONENTS"] = Config("COMPONENTS"),
        ["DRIVERS"] = Config("DRIVERS"), ["BCD"] = ["/Boot/BCD", "/EFI/Microsoft/Boot/BCD"],
    };

    /// <summary>What .reg files call the root of this hive.</summary>
    public string DefaultPrefix
    {
        get
        {
            var name = System.IO.Path.GetFileName(GuestPath ?? Path).ToUpperInvariant();
            return name switch
            {
                "NTUSER.DAT" => "HKEY_CURRENT_USER",
                "USRCLASS.DAT" => @"HKEY_CURRENT_USER\Software\Classes",
                "BCD" => @"HKEY_LOCAL_MACHINE\BCD00000000",
                "DEFAULT" => @"HKEY_USERS\.DEFAULT",
                _ => @"HKEY_LOCAL_MACHINE\" + System.IO.Path.GetFileNameWithoutExtension(name),
            };
        }
    }

    /// <summary>Understands what was given. A file that exists is meant as it is; else what follows the last colon is a hive in a guest.</summary>
    public static HiveLocation Parse(string given)
    {
        ArgumentNullException.ThrowIfNull(given);
        var colon = given.LastIndexOf(':');
        return File.Exists(given) || colon <= 0 ? new HiveLocation(given, null) : new HiveLocation(given[..colon], given[(colon + 1)..]);
    }

    /// <summary>The hive of a guest's files.</summary>
    /// <exception cref="Model.DiagnosticException">There is none of that name (RGF001), or it cannot be read.</exception>
    internal (Hive Hive, string Path) Open(GuestTree tree, HiveOpenOptions options)
    {
        var name = GuestPath ?? "";
        var candidates = KnownHives.TryGetValue(name, out var known) ? known : [name.StartsWith('/') ? name : "/" + name.Replace('\\', '/')];
        var path = candidates.FirstOrDefault(candidate => tree.TryResolve(candidate) is { Kind: NodeKind.File })
            ?? throw RegistryDiagnostics.NoSuchHive.ToException($"none of {string.Join(", ", candidates)} is there", Path);
        path = tree.CanonicalPath(path);
        var logs = LogEndings.Select(ending => path + ending).Where(log => tree.TryResolve(log) is { Kind: NodeKind.File }).Select(log => tree.ReadAllBytes(log, LargestHive)).ToArray();
        return (Hive.Open(tree.ReadAllBytes(path, LargestHive), options with { Logs = logs }), path);
    }

    /// <summary>The hive of a file of the host, with the logs beside it.</summary>
    internal Hive OpenFile(HiveOpenOptions options)
    {
        if (!File.Exists(Path))
        {
            throw RegistryDiagnostics.NoSuchHive.ToException("no such file", Path);
        }

        var logs = LogEndings.Select(ending => Path + ending).Where(File.Exists).Select(ReadFile).ToArray();
        return Hive.Open(ReadFile(Path), options with { Logs = logs });
    }

    private static byte[] ReadFile(string path)
        => new FileInfo(path).Length <= LargestHive ? File.ReadAllBytes(path) : throw RegistryDiagnostics.NoSuchHive.ToException($"it has more than {LargestHive} bytes", path);

    private static string[] Config(string name) => [$"/Windows/System32/config/{name}", $"/WINNT/system32/config/{name}"];
}
