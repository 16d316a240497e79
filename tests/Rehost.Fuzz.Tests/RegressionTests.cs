using System.Runtime.CompilerServices;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Targets;

namespace Rehost.Fuzz.Tests;

/// <summary>Inputs that once broke something, kept as small as they could be made.</summary>
public sealed class RegressionTests
{
    private static readonly string Folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile()) ?? "/", "../Rehost.Fuzz/Regressions"));

    public static TheoryData<string> Inputs => [.. Files().Select(path => Path.GetRelativePath(Folder, path))];

    [Theory]
    [MemberData(nameof(Inputs))]
    public void What_broke_once_gives_an_answer_or_a_diagnostic(string file)
    {
        var target = KnownTargets.All.Single(one => one.Name == file.Split('/')[0]);
        using var executor = new Executor(target);
        foreach (var seed in (int[])[1, 2, 3])
        {
            var buffer = new ImageBuffer();
            buffer.Replace(InputFile.Read(Path.Combine(Folder, file)));
            var fault = executor.Execute(buffer, seed).Fault;
            Assert.True(fault is null, fault?.Text);
        }
    }

    [Fact]
    public void Every_input_is_described()
    {
        var described = File.ReadAllText(Path.Combine(Folder, "README.md"));
        Assert.All(Files(), path => Assert.Contains($"| {Path.GetRelativePath(Folder, path)} |", described, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Files() => Directory.GetFiles(Folder, "*.bin*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
