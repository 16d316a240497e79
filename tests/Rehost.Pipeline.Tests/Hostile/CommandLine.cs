using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hostile;

/// <summary>Runs rehost as a process of its own, so that all that it prints is caught and its surroundings can be chosen.</summary>
internal static class CommandLine
{
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "rehost");

    /// <summary>Runs it.</summary>
    public static ToolResult Run(params string[] arguments) => Tool.Run(Program, arguments);

    /// <summary>Runs it and expects success.</summary>
    public static ToolResult MustRun(params string[] arguments)
    {
        var result = Run(arguments);
        Assert.True(result.ExitCode == 0, $"rehost {string.Join(' ', arguments)} exited with {result.ExitCode}\n{result.Output}\n{result.Error}");
        return result;
    }

    /// <summary>Runs it through env(1), or what else is put before it, and expects success.</summary>
    public static ToolResult MustRunIn(string[] surroundings, params string[] arguments)
    {
        var result = Tool.Run(surroundings[0], [.. surroundings.Skip(1), Program, .. arguments]);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', surroundings)} rehost {string.Join(' ', arguments)} exited with {result.ExitCode}\n{result.Output}\n{result.Error}");
        return result;
    }
}
