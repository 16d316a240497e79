using System.Runtime.CompilerServices;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>Reviewed results, kept beside the tests: a result that differs fails. REHOST_WRITE_BASELINES=1 writes them, to be reviewed as a diff.</summary>
internal static class Baselines
{
    public static void Compare(string name, string content)
    {
        var path = Path.Combine(Path.GetDirectoryName(ThisFile()) ?? "", "Baselines", name);
        var text = content.EndsWith('\n') ? content : content + "\n";
        if (Environment.GetEnvironmentVariable("REHOST_WRITE_BASELINES") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path) ?? "");
            File.WriteAllText(path, text);
        }

        Assert.True(File.Exists(path), $"{name} is missing: REHOST_WRITE_BASELINES=1 writes it");
        Assert.Equal(File.ReadAllText(path), text);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
