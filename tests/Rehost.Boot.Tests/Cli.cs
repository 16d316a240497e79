using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>Runs the command line as an operator does: as a process of its own, without root and without network.</summary>
internal static class Cli
{
    private const string Nobody = "65534";

    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "rehost");

    /// <summary>Runs rehost as an ordinary user in a network namespace that has no interface.</summary>
    public static ToolResult Run(params string[] arguments)
    {
        string[] unprivileged = Environment.IsPrivilegedProcess
            ? ["unshare", "--net", "setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
            : ["env"];
        return Tool.Run(unprivileged[0], [.. unprivileged.Skip(1), Program, .. arguments]);
    }

    /// <summary>Runs rehost and expects success.</summary>
    public static string MustRun(params string[] arguments)
    {
        var result = Run(arguments);
        Assert.True(result.ExitCode == 0, $"rehost {string.Join(' ', arguments)} exited with {result.ExitCode}\n{result.Output}\n{result.Error}");
        return result.Output;
    }

    /// <summary>Runs rehost with --json and reads what it prints.</summary>
    public static JsonElement Json(params string[] arguments) => JsonDocument.Parse(MustRun([.. arguments, "--json"])).RootElement;

    /// <summary>A scratch directory that the ordinary user may write to.</summary>
    public static ScratchDirectory Scratch()
    {
        var scratch = new ScratchDirectory();
        System.IO.File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        return scratch;
    }
}
