using System.Text.RegularExpressions;

namespace Rehost.Architecture.Tests;

/// <summary>Habits of the house that no compiler checks.</summary>
public sealed partial class CodeTests
{
    private static readonly string[] BannedWords = ["Util", "Utils", "Helper", "Helpers", "Manager", "Common", "Misc", "Processor"];

    [Fact]
    public void No_file_outgrows_its_reader()
    {
        var tooLong = Repository.SourceFiles("src").Concat(Repository.SourceFiles("tests")).Where(path => File.ReadLines(path).Count() > 600);
        Assert.Empty(tooLong);
    }

    [Fact]
    public void No_name_says_nothing()
    {
        var names = Repository.SourceFiles("src").Select(path => Path.GetFileNameWithoutExtension(path)!)
            .Where(name => BannedWords.Any(word => name == word || name.EndsWith(word, StringComparison.Ordinal)));
        Assert.Empty(names);
    }

    [Fact]
    public void No_region_and_no_silenced_null()
    {
        foreach (var path in Repository.SourceFiles("src"))
        {
            var text = File.ReadAllText(path);
            Assert.DoesNotContain("#region", text, StringComparison.Ordinal);
            Assert.False(NullForgiving().IsMatch(WithoutText(text)), $"{path} silences the compiler about null with !");
        }
    }

    [Fact]
    public void No_path_of_a_developers_machine()
    {
        var folder = Path.GetDirectoryName(Repository.Root) + "/";
        Assert.DoesNotContain(Repository.SourceFiles("src").Concat(Repository.SourceFiles("tests")), path => folder.Length > 3 && File.ReadAllText(path).Contains(folder, StringComparison.Ordinal));
    }

    private static string WithoutText(string code) => Comments().Replace(Strings().Replace(code, "\"\""), "");

    [GeneratedRegex(@"[\w\)\]]!(?=[\.;,\)\]\s\[])(?!=)", RegexOptions.CultureInvariant)]
    private static partial Regex NullForgiving();

    [GeneratedRegex("\"\"\".*?\"\"\"|@\"(?:[^\"]|\"\")*\"|\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\\\n])+'", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Strings();

    [GeneratedRegex("//[^\\n]*", RegexOptions.CultureInvariant)]
    private static partial Regex Comments();
}
