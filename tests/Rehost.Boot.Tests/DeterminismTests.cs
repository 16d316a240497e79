using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>A real guest converted twice, far apart: see DeterminismTests of the pipeline for every target.</summary>
public sealed class DeterminismTests
{
    [Fact]
    public void A_real_guest_becomes_the_same_bytes_twice()
    {
        using var scratch = Cli.Scratch();
        var source = Guests.File(Guests.DebianPv, "web01.xva");
        foreach (var (name, surroundings) in ((string, string[])[])[("first", ["TZ=UTC", "LC_ALL=C.UTF-8", "DOTNET_PROCESSOR_COUNT=1"]), ("second", ["TZ=Asia/Kathmandu", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8", "DOTNET_PROCESSOR_COUNT=6"])])
        {
            Tool.MustRun("env", [.. surroundings, Cli.Program, "convert", source, "--to", "kvm", "--compress", "zstd", "--output", scratch["out"], "--quiet"]);
            Directory.Move(scratch["out"], scratch[name]);
        }

        var files = Directory.GetFiles(scratch["first"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(files, Directory.GetFiles(scratch["second"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.All(files.Where(name => name != "times.json"), name => Assert.Equal(0, Tool.Run("cmp", scratch[$"first/{name}"], scratch[$"second/{name}"]).ExitCode));
    }
}
