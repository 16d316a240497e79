namespace Rehost.Testing;

/// <summary>A file as a block device for the length of a test; needs root.</summary>
public sealed class LoopDevice : IDisposable
{
    /// <summary>Attaches a file.</summary>
    public LoopDevice(string file, int? sectorSize = null) => Path = Tool.MustRun("losetup", ["--find", "--show", .. sectorSize is { } bytes ? (string[])["--sector-size", bytes.ToString(System.Globalization.CultureInfo.InvariantCulture)] : [], file]).Trim();

    /// <summary>The device.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public void Dispose() => Tool.MustRun("losetup", "--detach", Path);
}
