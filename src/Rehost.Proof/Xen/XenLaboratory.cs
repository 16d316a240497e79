using Rehost.Model;

namespace Rehost.Proof.Xen;

/// <summary>A hypervisor and a dom0 that run in QEMU, as build/fixtures/xen-lab.sh makes them.</summary>
/// <param name="Directory">Where its files are.</param>
public sealed record XenLaboratory(string Directory)
{
    /// <summary>Environment variable that names the directory.</summary>
    public const string Variable = "REHOST_XEN_LAB";

    private static readonly string[] Files = ["xen.elf", "vmlinux", "initrd.gz", "dom0.img"];

    /// <summary>The hypervisor as an ELF file.</summary>
    public string Hypervisor => Path.Combine(Directory, Files[0]);

    /// <summary>dom0's kernel.</summary>
    public string Kernel => Path.Combine(Directory, Files[1]);

    /// <summary>dom0's initramfs.</summary>
    public string Initramfs => Path.Combine(Directory, Files[2]);

    /// <summary>dom0's root file system.</summary>
    public string Root => Path.Combine(Directory, Files[3]);

    /// <summary>Finds a laboratory.</summary>
    /// <param name="directory">Its directory; null for what the environment says, then the place where the recipe leaves it, from here upwards.</param>
    /// <exception cref="DiagnosticException">XLB001.</exception>
    public static XenLaboratory Find(string? directory)
    {
        var named = directory ?? Environment.GetEnvironmentVariable(Variable);
        if (named is { Length: > 0 })
        {
            var lacking = Array.Find(Files, file => !File.Exists(Path.Combine(named, file)));
            return lacking is null ? new XenLaboratory(Path.GetFullPath(named)) : throw XenLabDiagnostics.NoLaboratory.ToException($"there is no {lacking}", named);
        }

        for (var here = new DirectoryInfo(System.IO.Directory.GetCurrentDirectory()); here is not null; here = here.Parent)
        {
            var usual = Path.Combine(here.FullName, "artifacts/fixtures/xen-dom0");
            if (Array.TrueForAll(Files, file => File.Exists(Path.Combine(usual, file))))
            {
                return new XenLaboratory(usual);
            }
        }

        throw XenLabDiagnostics.NoLaboratory.ToException($"no --xen-lab, no {Variable}, no artifacts/fixtures/xen-dom0 here or above");
    }
}
