using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Hypervisors.Xen.Dumps;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>
/// A guest described by an xl or xm configuration. Relative paths are taken from the directory of the configuration: xl takes them from where it was
/// started, which nobody remembers when the file has been copied to another machine. A relative <c>phy:</c> target is below /dev, as in Xen.
/// </summary>
public sealed record XenSource
{
    /// <summary>Path of the configuration.</summary>
    public required string ConfigPath { get; init; }

    /// <summary>The configuration.</summary>
    public required XenConfig Config { get; init; }

    /// <summary>The machine in common words, with its disks and without CD-ROMs.</summary>
    public required VirtualMachine Machine { get; init; }

    /// <summary>The disks in the machine's order, with their files.</summary>
    public required ImmutableArray<XenSourceDisk> Disks { get; init; }

    /// <summary>CD-ROM drives: listed, not converted.</summary>
    public ImmutableArray<XenDiskSpecification> Cdroms { get; init; } = [];

    /// <summary>What the operator should know.</summary>
    public ImmutableArray<Diagnostic> Findings { get; init; } = [];

    /// <summary>Reads a configuration and finds its disks.</summary>
    /// <param name="configPath">The configuration.</param>
    /// <param name="diskPaths">Paths that replace those of the configuration, by device name (xvda); null for none.</param>
    /// <exception cref="DiagnosticException">Some XEN finding: syntax, a missing disk with its line and the paths tried …</exception>
    /// <param name="machine">Name or UUID of the guest, where the file tells of several (<see cref="XenDump"/>); null where it does not.</param>
    public static XenSource Open(string configPath, IReadOnlyDictionary<string, string>? diskPaths = null, string? machine = null)
    {
        ArgumentNullException.ThrowIfNull(configPath);
        return Describe(Parse(configPath, machine), Path.GetDirectoryName(Path.GetFullPath(configPath)) ?? "/", path => File.Exists(path) ? LengthOf(path) : null, diskPaths);
    }

    /// <summary>Describes the machine of a configuration whose disks may be on another host.</summary>
    /// <param name="text">The configuration.</param>
    /// <param name="configPath">Its path, for messages.</param>
    /// <param name="directory">Directory from which relative paths are taken.</param>
    /// <param name="lengthOf">Bytes of a file or block device; null when there is none.</param>
    /// <param name="diskPaths">As for <see cref="Open"/>.</param>
    /// <exception cref="DiagnosticException">Some XEN finding.</exception>
    public static XenSource Describe(string text, string configPath, string directory, Func<string, long?> lengthOf, IReadOnlyDictionary<string, string>? diskPaths = null)
    {
        ArgumentNullException.ThrowIfNull(lengthOf);
        return Describe(XenConfig.Parse(text, configPath), directory, lengthOf, diskPaths);
    }

    private static XenSource Describe(XenConfig config, string directory, Func<string, long?> lengthOf, IReadOnlyDictionary<string, string>? diskPaths)
    {
        var configPath = config.Where;
        var specifications = config.Disks.Where(disk => !disk.IsCdrom).ToImmutableArray();
        if (specifications.IsEmpty)
        {
            throw XenDiagnostics.NoDisk.ToException("the configuration has no disk", configPath);
        }

        CheckDeviceNames(config);
        var disks = specifications.Select((specification, index) => FindDisk(config, specification, index, directory, lengthOf, diskPaths)).ToImmutableArray();
        var (machine, findings) = XenMachine.Describe(config, [.. disks.Select(disk => disk.Disk)]);
        return new XenSource
        {
            ConfigPath = configPath,
            Config = config,
            Machine = machine,
            Disks = disks,
            Cdroms = [.. config.Disks.Where(disk => disk.IsCdrom)],
            Findings = findings,
        };
    }

    /// <summary>Reads a configuration without looking for what it names.</summary>
    /// <exception cref="DiagnosticException">Some XEN finding.</exception>
    public static XenConfig ReadConfig(string configPath)
    {
        ArgumentNullException.ThrowIfNull(configPath);
        return Parse(configPath, machine: null);
    }

    private static XenConfig Parse(string path, string? machine)
    {
        var text = ReadText(path);
        return XenDump.IsSaved(text) ? throw XenDiagnostics.Saved.ToException("it holds the memory of a guest", path)
            : XenDump.Looks(text) ? XenDump.Parse(text, path, machine) : XenConfig.Parse(text, path);
    }

    /// <summary>The path on this machine of a kernel or ramdisk that the configuration names; it may not exist.</summary>
    public string ResolvePath(string named) => Path.GetFullPath(named, Path.GetDirectoryName(Path.GetFullPath(ConfigPath)) ?? "/");

    private static string ReadText(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[(4 * XenConfigParser.MaximumLength) + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length < bytes.Length
                ? GuestText.Decode(bytes.AsSpan(0, length))
                : throw XenDiagnostics.TooLarge.ToException($"more than {bytes.Length - 1} bytes", path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw XenDiagnostics.Unreadable.ToException(e.Message, path, e);
        }
    }

    private static void CheckDeviceNames(XenConfig config)
    {
        var names = new Dictionary<string, XenDiskSpecification>(StringComparer.Ordinal);
        foreach (var disk in config.Disks)
        {
            if (!names.TryAdd(disk.DeviceName, disk))
            {
                throw XenDiagnostics.DuplicateDevice.ToException(
                    $"'{disk.DeviceName}' is already the name of the disk in line {names[disk.DeviceName].Position.Line}", $"{config.Where}:{disk.Position}");
            }
        }
    }

    private static XenSourceDisk FindDisk(
        XenConfig config, XenDiskSpecification specification, int index, string directory, Func<string, long?> lengthOf, IReadOnlyDictionary<string, string>? diskPaths)
    {
        var where = $"{config.Where}:{specification.Position}";
        string path;
        if (diskPaths?.GetValueOrDefault(specification.DeviceName) is { } given)
        {
            path = Path.GetFullPath(given);
        }
        else if (specification.Script is not null || specification.Backend is not null)
        {
            throw XenDiagnostics.RemoteDisk.ToException(
                $"'{specification.Text}' is provided by {(specification.Script is { } script ? $"the script {script}" : $"the domain {specification.Backend}")}", where);
        }
        else
        {
            path = Path.GetFullPath(specification.Target, specification.IsPhysical ? "/dev" : directory);
        }

        if (lengthOf(path) is not { } length)
        {
            var beside = Path.Combine(directory, Path.GetFileName(path));
            var hint = lengthOf(beside) is not null ? $"; {beside} exists: name that one if it is the disk" : "";
            throw XenDiagnostics.DiskMissing.ToException($"disk {specification.DeviceName} ('{specification.Text}'): there is no file {path}{hint}", where);
        }

        var disk = new VirtualDisk
        {
            Id = specification.DeviceName,
            DeviceName = specification.DeviceName,
            Path = path,
            Format = specification.Format,
            LengthBytes = specification.Format == "raw" ? length : 0,
            IsReadOnly = specification.IsReadOnly,
            IsBootable = index == 0,
        };
        return new XenSourceDisk(disk, path, specification.Format, specification);
    }

    private static long LengthOf(string path)
    {
        using var device = FileDevice.OpenRead(path);
        return device.Length;
    }
}
