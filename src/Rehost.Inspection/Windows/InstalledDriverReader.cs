using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.FileSystems;
using Rehost.Inspection.Windows.Drivers;
using Rehost.Model;

namespace Rehost.Inspection.Windows;

/// <summary>Reads the driver packages that did not come with Windows: oemNN.inf, with where the driver store keeps each.</summary>
internal sealed class InstalledDriverReader(GuestReader reader, WindowsHives hives, string systemRoot, string architecture)
{
    private const int MaximumInf = 4 << 20;
    private readonly WindowsFileList _files = new(reader, systemRoot);

    /// <summary>All packages, in order of their published names.</summary>
    public ImmutableArray<InstalledDriverPackage> Read()
    {
        var stored = new Lazy<Dictionary<string, GuestNode>>(StoreByContent);
        return
        [
            .. _files.Find($"{systemRoot}/inf/oem*.inf").Where(node => node.Kind == NodeKind.File && node.Metadata.Length <= MaximumInf)
                .OrderBy(node => NameOf(node.Path).Length).ThenBy(node => node.Path, StringComparer.OrdinalIgnoreCase).Select(node => ReadOne(node, stored)),
        ];
    }

    private InstalledDriverPackage ReadOne(GuestNode node, Lazy<Dictionary<string, GuestNode>> stored)
    {
        var content = reader.Tree.ReadAllBytes(node.Path, MaximumInf);
        var name = NameOf(node.Path).ToLowerInvariant();
        DriverPackage? package = null;
        ImmutableArray<string> sources = [];
        try
        {
            var inf = new InfPackageReader(InfFile.Parse(content));
            package = inf.Read("", name);
            sources = [.. inf.SourceFiles()];
        }
        catch (DiagnosticException e)
        {
            reader.Findings.Add(InspectionDiagnostics.FileSkipped.Create(e.Diagnostic.Message, node.Path));
        }

        // Windows 8 and later say where the package is; before, the store holds the same bytes under the maker's name.
        var active = Active(name);
        var store = active is not null ? reader.Find($"{systemRoot}/System32/DriverStore/FileRepository/{active}") : null;
        var twin = store is null ? stored.Value.GetValueOrDefault(Hash(content)) : null;
        var storePath = store?.Path ?? (twin is null ? null : DirectoryOf(twin.Path));
        var models = package?.Models.Where(model => model.Architecture == architecture).ToList() ?? [];
        return new InstalledDriverPackage
        {
            InfName = name,
            OriginalName = active is not null && active.IndexOf(".inf_", StringComparison.OrdinalIgnoreCase) is var end and > 0 ? active[..(end + 4)] : twin is null ? null : NameOf(twin.Path),
            Provider = package?.Provider,
            ClassName = package?.ClassName,
            DriverVersion = package is null ? null : $"{package.DriverDate}, {package.DriverVersion}",
            Services = [.. models.SelectMany(model => model.Services).Select(service => service.Name).Distinct(StringComparer.OrdinalIgnoreCase)],
            HardwareIds = [.. models.Select(model => model.HardwareId).Distinct(StringComparer.OrdinalIgnoreCase)],
            Files = [.. models.SelectMany(model => model.DriverFiles).Concat(sources).Distinct(StringComparer.OrdinalIgnoreCase)],
            InfPaths = [.. new[] { node.Path, System.IO.Path.ChangeExtension(node.Path, ".PNF") }.Select(path => reader.Find(path)?.Path).OfType<string>()],
            StorePath = storePath,
            StoreFiles = storePath is null ? [] : [.. Below(storePath)],
        };
    }

    private string? Active(string name) => hives.Text($@"SYSTEM\DriverDatabase\DriverInfFiles\{name}", "Active") ?? hives.Text($@"DRIVERS\DriverDatabase\DriverInfFiles\{name}", "Active");

    private Dictionary<string, GuestNode> StoreByContent()
    {
        var found = new Dictionary<string, GuestNode>(StringComparer.Ordinal);
        foreach (var directory in _files.Find($"{systemRoot}/System32/DriverStore/FileRepository/*.inf_*").Where(node => node.Kind == NodeKind.Directory))
        {
            var original = NameOf(directory.Path) is var folder && folder.IndexOf(".inf_", StringComparison.OrdinalIgnoreCase) is var end and > 0 ? folder[..(end + 4)] : "";
            if (reader.Find($"{directory.Path}/{original}") is { Kind: NodeKind.File } inf && inf.Metadata.Length <= MaximumInf)
            {
                found.TryAdd(Hash(reader.Tree.ReadAllBytes(inf.Path, MaximumInf)), inf);
            }
        }

        return found;
    }

    // Packages have few levels (amd64\, i386\); a circle cannot be made of directories on NTFS without reparse points, which List does not follow twice.
    private List<string> Below(string directory)
    {
        var files = new List<string>();
        var work = new Stack<(string Path, int Depth)>([(directory, 0)]);
        while (work.TryPop(out var item) && files.Count < GuestReader.MaximumMatches)
        {
            foreach (var entry in reader.List(item.Path))
            {
                var path = $"{item.Path}/{entry.Name}";
                if (reader.Find(path, followLast: false)?.Kind == NodeKind.Directory && item.Depth < 8)
                {
                    work.Push((path, item.Depth + 1));
                }
                else
                {
                    files.Add(path);
                }
            }
        }

        files.Sort(StringComparer.OrdinalIgnoreCase);
        return files;
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string DirectoryOf(string path) => path[..path.LastIndexOf('/')];
}
