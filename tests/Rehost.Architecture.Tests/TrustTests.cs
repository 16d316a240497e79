using System.Text.RegularExpressions;

namespace Rehost.Architecture.Tests;

/// <summary>What docs/threat-model.md promises and the text of the code shows.</summary>
public sealed partial class TrustTests
{
    /// <summary>The files that start a program, and the programs: an argument list each, no shell, nothing put together into one line.</summary>
    private static readonly Dictionary<string, string> Starters = new(StringComparer.Ordinal)
    {
        ["src/Rehost.Proof/Qemu/QemuProcess.cs"] = "QEMU",
        ["src/Rehost.Proof/Qemu/QemuProgram.cs"] = "QEMU",
        ["src/Rehost.Remote/Ssh/SshHost.cs"] = "ssh",
        ["src/Rehost.Cli/Commands/RemoteArguments.cs"] = "secret-tool",
    };

    /// <summary>The files that may make a file or directory of the host by its name, and why they may.</summary>
    private static readonly Dictionary<string, string> Makers = new(StringComparer.Ordinal)
    {
        ["src/Rehost.Blocks/CommittedFile.cs"] = "O_EXCL, 0600, every result goes through it",
        ["src/Rehost.Blocks/FileDevice.cs"] = "O_EXCL, 0600",
        ["src/Rehost.Blocks/FileOverlayStore.cs"] = "O_EXCL, 0600, unlinked at once",
        ["src/Rehost.Transfer/CopyJournal.cs"] = "0600, beside the file that it is for",
        ["src/Rehost.Proof/Qemu/EvidenceFolder.cs"] = "O_EXCL, 0600, directory 0700",
        ["src/Rehost.Proof/Qemu/BootProof.cs"] = "in a directory of its own with 0700",
        ["src/Rehost.Proof/Xen/XenLabJob.cs"] = "the same",
        ["src/Rehost.Proof/Xen/XenLabProof.cs"] = "the same",
        ["src/Rehost.Pipeline/Files/FileExtraction.cs"] = "O_EXCL, 0600, nothing that exists is opened",
        ["src/Rehost.Pipeline/OutputDirectory.cs"] = "the operator's directory",
        ["src/Rehost.Pipeline/TargetWriter.cs"] = "renames what a stopped run of the same conversion left, back to its unfinished name",
        ["src/Rehost.Pipeline/Plans/PlanDocumentFile.cs"] = "renames what CommittedFile made",
        ["src/Rehost.Pipeline/Sources/XapiSource.cs"] = "O_EXCL, 0600",
        ["src/Rehost.Pipeline/HostTransfer.cs"] = "renames what XapiSource made",
        ["src/Rehost.Pipeline/Registry/OpenHive.cs"] = "renames what CommittedFile made",
    };

    [Fact]
    public void No_shell_is_started_and_only_known_programs_are()
    {
        foreach (var path in Repository.SourceFiles("src"))
        {
            var text = Comments().Replace(File.ReadAllText(path), "");
            var name = Path.GetRelativePath(Repository.Root, path);
            if (Starts().IsMatch(text))
            {
                Assert.True(Starters.ContainsKey(name), $"{name} starts a program: say here which, and in docs/threat-model.md why");
                Assert.False(Lines().IsMatch(text), $"{name} puts arguments together into one line");
                Assert.False(Shells().IsMatch(text), $"{name} names a shell as a program");
            }

        }

        Assert.All(Starters.Keys, name => Assert.Matches(Starts(), File.ReadAllText(Path.Combine(Repository.Root, name))));
    }

    [Fact]
    public void Files_of_the_host_are_made_in_few_places()
    {
        foreach (var path in Repository.SourceFiles("src"))
        {
            var name = Path.GetRelativePath(Repository.Root, path);
            var text = Comments().Replace(File.ReadAllText(path), "");
            if (Making().Match(text) is { Success: true } found)
            {
                Assert.True(Makers.ContainsKey(name), $"{name} makes a file of the host ({found.Value}): use CommittedFile or ScratchFile, or say here why it is safe where others can write");
            }

            // Names in /tmp that somebody could foresee. XenDump knows the names that dom0 gave, and opens none.
            Assert.DoesNotContain("GetTempFileName", text, StringComparison.Ordinal);
            Assert.True(name == "src/Rehost.Hypervisors/Xen/Dumps/XenDump.cs" || !text.Contains("\"/tmp", StringComparison.Ordinal), name);
        }
    }

    /// <summary>Culture is off for the whole program, and what the analyzers know of it is an error.</summary>
    [Fact]
    public void No_culture_no_time_zone_and_no_chance_get_into_what_is_written()
    {
        Assert.Contains("<InvariantGlobalization>true</InvariantGlobalization>", File.ReadAllText(Path.Combine(Repository.Root, "Directory.Build.props")), StringComparison.Ordinal);
        var rules = File.ReadAllText(Path.Combine(Repository.Root, ".editorconfig"));
        Assert.All(new[] { "CA1304", "CA1305", "CA1307", "CA1309", "CA1310", "CA1311" }, rule => Assert.Contains($"dotnet_diagnostic.{rule}.severity = warning", rules, StringComparison.Ordinal));
        foreach (var path in Repository.SourceFiles("src"))
        {
            var name = Path.GetRelativePath(Repository.Root, path);
            var text = Comments().Replace(File.ReadAllText(path), "");
            var found = Chance().Match(text);

            // A word that a guest cannot guess, and a scratch file's name: neither is in anything that is written.
            Assert.True(!found.Success || (name is "src/Rehost.Proof/Xen/XenLabProof.cs" && found.Value == "RandomNumberGenerator"), $"{name}: {found.Value}");
        }
    }

    [Fact]
    public void Every_test_that_the_threat_model_names_exists()
    {
        var tests = string.Concat(Repository.SourceFiles("tests").Select(File.ReadAllText));
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs/threat-model.md"));
        var named = TestNames().Matches(page).Select(match => (Class: match.Groups["class"].Value, Method: match.Groups["method"].Value)).ToList();
        Assert.True(named.Count > 40, $"the page names {named.Count} tests");
        foreach (var (type, method) in named)
        {
            Assert.Matches($@"class {type}\b", tests);
            Assert.True(method.Length == 0 || Regex.IsMatch(tests, $@"\b{method}\("), $"docs/threat-model.md names {type}.{method}, and there is no such test");
        }
    }

    [GeneratedRegex(@"(?<![\w.])Process\.Start\(|new ProcessStartInfo\(|new Process\b", RegexOptions.CultureInvariant)]
    private static partial Regex Starts();

    // .Arguments is the line that .NET takes apart again; ArgumentList, or the constructor with a list, is handed over as it is.
    [GeneratedRegex(@"\.Arguments\b|\bArguments = |UseShellExecute = true|ProcessStartInfo\([^,()]+, *(\$?""|string\.)", RegexOptions.CultureInvariant)]
    private static partial Regex Lines();

    [GeneratedRegex(@"""(/bin/|/usr/bin/)?(sh|bash|dash|env|sudo|su|cmd|powershell)""\s*[,)]", RegexOptions.CultureInvariant)]
    private static partial Regex Shells();

    [GeneratedRegex(@"(?<![\w.])File\.(Create\w*|WriteAll\w+|AppendAll\w+|AppendText|Move|Copy|Replace|OpenWrite|SetUnixFileMode)\(|Directory\.Create\w+\(|FileMode\.(Create|CreateNew|OpenOrCreate|Append|Truncate)\b|new StreamWriter\(\s*(path|""|\$)", RegexOptions.CultureInvariant)]
    private static partial Regex Making();

    [GeneratedRegex(@"DateTime(Offset)?\.(Now|UtcNow|Today)|TimeZoneInfo\.|ToLocalTime|Guid\.(NewGuid|CreateVersion7)|new Random\(|Random\.Shared|RandomNumberGenerator|Environment\.(UserName|MachineName)|CultureInfo\.(CurrentCulture|CurrentUICulture|GetCultureInfo)|StringComparison\.CurrentCulture", RegexOptions.CultureInvariant)]
    private static partial Regex Chance();

    [GeneratedRegex(@"`(?<class>[A-Z]\w*Tests)(\.(?<method>\w+))?`", RegexOptions.CultureInvariant)]
    private static partial Regex TestNames();

    [GeneratedRegex("//[^\\n]*", RegexOptions.CultureInvariant)]
    private static partial Regex Comments();
}
