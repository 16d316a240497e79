using Rehost.Testing;

namespace Rehost.Fuzz.Engine;

/// <summary>Where samples are made.</summary>
internal sealed class SeedRoom : IDisposable
{
    public ScratchDirectory Scratch { get; } = new();

    public string this[string name] => Scratch[name];

    /// <summary>Runs a shell script in the directory.</summary>
    public void Shell(string script) => Tool.MustRun("bash", "-c", $"set -e; export LC_ALL=C.UTF-8; cd '{Scratch.Path}'\n{script}\n");

    public byte[] Read(string name) => File.ReadAllBytes(Scratch[name]);

    /// <summary>The output of a script as a sample.</summary>
    public FuzzSeed Make(string name, string script)
    {
        Shell($"rm -f out; {script}");
        return new FuzzSeed(name, Read("out"));
    }

    public void Dispose()
    {
        // Names that are no UTF-8 are part of the samples, and .NET cannot remove them.
        Tool.MustRun("sh", "-c", $"rm -rf '{Scratch.Path}'/*");
        Scratch.Dispose();
    }
}
