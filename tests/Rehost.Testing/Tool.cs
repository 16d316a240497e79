using System.Diagnostics;

namespace Rehost.Testing;

/// <summary>Runs the field's own tools as witnesses. A missing tool fails the test: build/install-tools.sh installs them all.</summary>
public static class Tool
{
    /// <summary>Runs a tool and returns what it did; throws when the tool is missing or takes too long.</summary>
    public static ToolResult Run(string fileName, params string[] arguments) => RunWithInput(fileName, null, arguments);

    /// <summary>Runs a tool that must succeed.</summary>
    public static string MustRun(string fileName, params string[] arguments)
    {
        var result = Run(fileName, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"{fileName} {string.Join(' ', arguments)} exited with {result.ExitCode}:\n{result.Output}\n{result.Error}");
    }

    /// <summary>Runs a tool with standard input.</summary>
    public static ToolResult RunWithInput(string fileName, byte[]? input, params string[] arguments)
    {
        var path = Find(fileName) ?? throw new InvalidOperationException($"the tool '{fileName}' is missing: run build/install-tools.sh test");
        var start = new ProcessStartInfo(path)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["LC_ALL"] = "C.UTF-8";
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{fileName} did not start");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            if (input is not null)
            {
                process.StandardInput.BaseStream.Write(input);
            }

            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The tool closed its input before it had read all of it; its exit code says whether that matters.
        }

        if (!process.WaitForExit(TimeSpan.FromMinutes(20)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{fileName} {string.Join(' ', arguments)} took more than twenty minutes");
        }

        process.WaitForExit();
        return new ToolResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    private static string? Find(string fileName)
    {
        if (fileName.Contains('/', StringComparison.Ordinal))
        {
            return File.Exists(fileName) ? fileName : null;
        }

        var path = (Environment.GetEnvironmentVariable("PATH") ?? "") + ":/usr/sbin:/sbin:/usr/bin:/bin";
        return path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);
    }
}

/// <summary>What a tool did.</summary>
public sealed record ToolResult(int ExitCode, string Output, string Error);
