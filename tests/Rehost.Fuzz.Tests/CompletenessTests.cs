using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Rehost.DiskFormats;
using Rehost.FileSystems;
using Rehost.Fuzz.Targets;

namespace Rehost.Fuzz.Tests;

/// <summary>No parser without a target: the lists of formats, and every type that has a Parse, Open, Read or the like.</summary>
public sealed partial class CompletenessTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile()) ?? "/", "../.."));

    /// <summary>Types with such a method that parse nothing hostile, or are reached only through one that is covered.</summary>
    private static readonly Dictionary<string, string> Exempt = new(StringComparer.Ordinal)
    {
        ["Adler32"] = "a checksum",
        ["BitPrice"] = "of the LZMA encoder",
        ["BlockDeviceFile"] = "a device of the host",
        ["ChangeRanges"] = "asks file systems that are covered",
        ["ChangedPaths"] = "of changes that are read",
        ["ContentSum"] = "a checksum",
        ["ConversionIdentity"] = "a hash",
        ["DocumentedPlan"] = "compares what PlanDocumentFile read with the guest",
        ["ExclusiveDevice"] = "a file of the host",
        ["HostFileName"] = "makes names; StrangersTextTests",
        ["InPlaceDisks"] = "files of the operator",
        ["NamedPaths"] = "of changes that are read",
        ["PlanArguments"] = "the command line",
        ["PlanEdits"] = "compares two plans that were read",
        ["PlanReview"] = "of reports",
        ["ResumableFile"] = "opens what CopyJournal reads",
        ["TerminalStream"] = "of output",
        ["UndoJournal"] = "sealed by hashes; UndoRunTests damages every byte of one",
        ["UndoJournalFile"] = "a file of the host",
        ["UndoSegments"] = "hashes",
        ["ContentDigest"] = "a hash",
        ["Crc32"] = "a checksum",
        ["Crc32C"] = "a checksum",
        ["DataRuns"] = "extents of a device",
        ["DerivedIdentity"] = "a hash",
        ["DiskShare"] = "of reports",
        ["DriverLibrary"] = "opens what DriverLibraryReader and IsoImage read",
        ["ExitCode"] = "no parser",
        ["FileDevice"] = "a file of the host",
        ["FreeSpace"] = "asks volumes and file systems that are covered",
        ["GuestFile"] = "of reports",
        ["GuestFileTarget"] = "a path of the operator",
        ["GuestFiles"] = "opens what the sources and GuestStorage read",
        ["GuestText"] = "every text target decodes by it",
        ["HostFileCalls"] = "the kernel's calls",
        ["ImageArguments"] = "the command line",
        ["KeyReader"] = "keys of the operator",
        ["KnownSources"] = "chooses among sources that are covered",
        ["LvmChecksum"] = "a checksum",
        ["NameHash"] = "a hash",
        ["OpenHive"] = "opens what Hive reads",
        ["OpenImage"] = "chooses among formats that are covered",
        ["OpenSource"] = "of the host's files",
        ["OvfImageMachine"] = "no parser",
        ["RegistryData"] = "makes values",
        ["SourceArguments"] = "the command line",
        ["SourceDisk"] = "opens what formats read",
        ["SuppliedPackages"] = "opens what SoftwarePackage reads",
        ["TargetDiskFile"] = "a file that is written",
        ["TargetFile"] = "a file that is written",
        ["VhdGeometry"] = "arithmetic",
        ["VhdSubFormat"] = "of the writer",
        ["VmwareGuestType"] = "no parser",
        ["VolumeNames"] = "looks up what WindowsHives read",
        ["WindowsBus"] = "no parser",
        ["XapiNetworks"] = "asks a host through XapiXml and XapiJson",
        ["XapiSession"] = "asks a host through XapiXml and XapiJson",
        ["XapiSource"] = "asks a host through XapiXml and XapiJson",
        ["XenLabGuest"] = "a disk of the laboratory, our own",
        ["XenSshSource"] = "reads configurations through XenSource",
        ["XfsTypes"] = "an enumeration",
        ["XxHash32"] = "a checksum",
        ["XxHash64"] = "a checksum",
    };

    [Fact]
    public void Every_known_format_has_a_target()
    {
        var covered = KnownTargets.All.SelectMany(target => target.Covers).ToHashSet(StringComparer.Ordinal);
        Assert.All(KnownDiskFormats.All.Select(format => format.GetType().Name), name => Assert.Contains(name, covered));
        Assert.All(KnownFileSystems.All.Select(format => format.GetType().Name), name => Assert.Contains(name, covered));
    }

    [Fact]
    public void Every_parser_has_a_target_or_a_reason()
    {
        var covered = KnownTargets.All.SelectMany(target => target.Covers).ToHashSet(StringComparer.Ordinal);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories).Where(path => !path.Contains("/obj/", StringComparison.Ordinal)))
        {
            var name = Path.GetFileNameWithoutExtension(path).Split('.')[0];
            if (Method().IsMatch(File.ReadAllText(path)))
            {
                found.Add(name);
            }
        }

        Assert.True(found.Count > 100);
        var missing = found.Where(name => !covered.Contains(name) && !Exempt.ContainsKey(name)).ToList();
        Assert.True(missing.Count == 0, "no fuzz target and no reason for having none: " + string.Join(", ", missing));
        Assert.DoesNotContain(Exempt.Keys, name => !found.Contains(name));
    }

    [Fact]
    public void Names_are_unique()
        => Assert.Equal(KnownTargets.All.Length, KnownTargets.All.Select(target => target.Name).Distinct(StringComparer.Ordinal).Count());

    [GeneratedRegex(@"^\s*(public|internal) static (?!class|readonly)[^=;{\n]*?\b(?:Try)?(?:Parse|Open|Read|Load|Decode|Detect|Decompress|Scan|From|Identify|Inspect|Of)\w*\(", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Method();

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
