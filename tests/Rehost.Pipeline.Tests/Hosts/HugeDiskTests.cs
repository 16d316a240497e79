using System.Globalization;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Pipeline.Tests.Hostile;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hosts;

/// <summary>A sparse disk of 16 TiB costs no more memory than one of 64 MiB: nothing is kept for each block of it.</summary>
public sealed class HugeDiskTests : IDisposable
{
    /// <summary>KiB that a run may take; the runtime with everything loaded takes about a hundred MiB by itself.</summary>
    private const long MostMemory = 320 << 10;

    private readonly ScratchDirectory _scratch = new();

    [Fact]
    public void Sixteen_tebibytes_in_constant_memory()
    {
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n").ForEveryTarget();
        var root = SmallGuest.Junk(_scratch["root.img"], 48, 41);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, root);

        // The guest at the start, junk near the end, nothing between; ext4 of the host takes no raw file of that size, so it is a qcow2.
        var disk = _scratch["disk.qcow2"];
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=2M", root, disk);
        Tool.MustRun("qemu-img", "resize", "-q", disk, "16T");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", string.Create(CultureInfo.InvariantCulture, $"write -P 0x5a {(16L << 40) - (1 << 20)} 65536"), disk);

        Measure("image", "info", disk);
        Measure("inspect", disk, "--device-name", "xvda1");
        Measure("image", "convert", disk, _scratch["copy.qcow2"], "--verify");
        Measure("image", "convert", disk, _scratch["copy.vhdx"]);
        Measure("image", "compare", disk, _scratch["copy.qcow2"]);
        Measure("convert", disk, "--device-name", "xvda1", "--to", "xen", "--disk-format", "qcow2", "--output", _scratch["out"]);
        Measure("verify", _scratch["out"]);
        Assert.All(Directory.GetFiles(_scratch["out"], "*.manifest"), file => Assert.InRange(new FileInfo(file).Length, 1, 1 << 20));
    }

    public void Dispose() => _scratch.Dispose();

    private void Measure(params string[] arguments)
    {
        var result = Tool.Run("/usr/bin/time", ["-f", "%M", "-o", _scratch["time"], CommandLine.Program, .. arguments]);
        var peak = long.Parse(File.ReadAllLines(_scratch["time"])[^1], CultureInfo.InvariantCulture);
        TestContext.Current.SendDiagnosticMessage($"rehost {string.Join(' ', arguments[..2])}: {peak >> 10} MiB at most");
        Assert.True(result.ExitCode == 0, $"rehost {string.Join(' ', arguments)}: {result.ExitCode}\n{result.Output}{result.Error}");
        Assert.True(peak < MostMemory, $"rehost {string.Join(' ', arguments)} took {peak >> 10} MiB");
    }
}
