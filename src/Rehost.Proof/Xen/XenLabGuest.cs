using System.Collections.Immutable;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Proof.Xen;

/// <summary>A guest for the laboratory: its configuration as it is, and the files that it names.</summary>
/// <param name="Source">The configuration with its disks.</param>
/// <param name="Disks">The disks.</param>
/// <param name="Files">Kernel and initramfs that dom0 hands out.</param>
public sealed record XenLabGuest(XenSource Source, ImmutableArray<XenLabFile> Disks, ImmutableArray<XenLabFile> Files)
{
    /// <summary>Bridges that its interfaces are attached to.</summary>
    public IEnumerable<string> Bridges => Source.Config.NetworkAdapters.Select(adapter => adapter.Bridge ?? "xenbr0");

    /// <summary>Directory of the job in dom0, where relative paths of the guest with a number lead to.</summary>
    internal static string WorkingDirectory(int number) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/run/job/{number}");

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">The configuration.</param>
    /// <param name="number">Place among the guests of the job, from 0.</param>
    /// <exception cref="DiagnosticException">It cannot be read (XEN…), or the laboratory cannot start it (XLB002).</exception>
    public static XenLabGuest Open(string path, int number)
    {
        ArgumentNullException.ThrowIfNull(path);
        var config = XenSource.ReadConfig(path);
        var directory = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        var source = XenSource.Open(path, Moved(config, directory));
        if (source.Machine.Mode is not (VirtualizationMode.Paravirtual or VirtualizationMode.Pvh))
        {
            throw XenLabDiagnostics.NotStartable.ToException("it is of type hvm", path);
        }

        // These names go to scripts in dom0, a line each.
        if (config.Disks.Select(disk => disk.Target).Append(config.Kernel ?? "").Append(config.Ramdisk ?? "").Concat(config.NetworkAdapters.Select(adapter => adapter.Bridge ?? "")).FirstOrDefault(name => name.Any(char.IsControl)) is { } odd)
        {
            throw XenLabDiagnostics.NotStartable.ToException($"'{PrintableText.Clean(odd)}' has control characters", path);
        }

        var work = WorkingDirectory(number);
        var disks = source.Disks.Select(disk => new XenLabFile(disk.HostPath, Path.GetFullPath(disk.Specification.Target, disk.Specification.IsPhysical ? "/dev" : work)));
        var files = new[] { config.Kernel, config.Ramdisk }.OfType<string>().Select(named => new XenLabFile(Existing(source, named, directory), Path.GetFullPath(named, work)));
        return new XenLabGuest(source, [.. disks], [.. files]);
    }

    // A configuration names its disks by full path. When the directory was moved as a whole, they lie beside it.
    private static Dictionary<string, string> Moved(XenConfig config, string directory) => config.Disks
        .Where(disk => !disk.IsCdrom && !File.Exists(Path.GetFullPath(disk.Target, disk.IsPhysical ? "/dev" : directory)) && File.Exists(Path.Combine(directory, Path.GetFileName(disk.Target))))
        .ToDictionary(disk => disk.DeviceName, disk => Path.Combine(directory, Path.GetFileName(disk.Target)), StringComparer.Ordinal);

    private static string Existing(XenSource source, string named, string directory)
    {
        var path = source.ResolvePath(named);
        var beside = Path.Combine(directory, Path.GetFileName(named));
        return File.Exists(path) ? path : File.Exists(beside) ? beside
            : throw XenLabDiagnostics.NotStartable.ToException($"there is no file {path}, which the configuration names as kernel or initramfs", source.ConfigPath);
    }
}
