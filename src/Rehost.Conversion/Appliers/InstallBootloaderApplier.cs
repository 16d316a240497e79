using System.Globalization;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Writes GRUB 2 for BIOS to a disk whose layout is final (S1.33).</summary>
internal sealed class InstallBootloaderApplier() : ChangeApplier<InstallBootloader>(ApplyPhase.BootLoader)
{
    private const int DefaultSpeed = 115200;

    protected override void Check(InstallBootloader change, ApplyContext context)
    {
        _ = context.Disk(change.DiskId);
        _ = EarlyConfig(change).ToText();
        _ = Files(change, context);
    }

    protected override void Apply(InstallBootloader change, ApplyContext context, CancellationToken cancellationToken)
    {
        var device = context.Disk(change.DiskId).Device;
        var (first, sectors, place) = Grub2Installer.FindRoom(device);
        var expected = change.CoreOffset ?? Blocks.Lba.SectorSize;
        if (first.ToOffset().Value != expected || sectors * Blocks.Lba.SectorSize < change.CoreCapacity)
        {
            throw ApplyDiagnostics.LayoutNotAsSeen.ToException(
                $"GRUB's core goes to byte {expected} with room for {change.CoreCapacity} bytes in the plan; found is {place} with {sectors} sectors", change.DiskId);
        }

        var files = Files(change, context);
        var core = Grub2Image.Build(files, GrubModules.Full, change.Prefix, EarlyConfig(change).ToText(), cancellationToken);
        Grub2Installer.Install(device, files, core);
    }

    private static IGrubFiles Files(InstallBootloader change, ApplyContext context)
        => change.GuestModulesPath is { } directory
            ? GuestFiles(directory, context)
            : GrubFileLocator.Find(null, context.HostGrubDirectory);

    /// <summary>GRUB's files in a directory of the guest.</summary>
    internal static IGrubFiles GuestFiles(string directory, ApplyContext context)
        => new GuestGrubFiles(directory, path => Length(context.Tree, path), path => context.Tree.ReadAllBytes(path, int.MaxValue));

    private static long? Length(GuestTree tree, string path) => tree.TryResolve(path) is { Kind: NodeKind.File } node ? node.Metadata.Length : null;

    private static GrubEarlyConfig EarlyConfig(InstallBootloader change)
        => EarlyConfig(change.FileSystemUuid, change.Prefix, change.ConfigurationPath, change.ConfigurationKind, change.SerialConsole);

    /// <summary>What GRUB does first: find the file system, then read the configuration there.</summary>
    internal static GrubEarlyConfig EarlyConfig(string uuid, string prefix, string configuration, BootConfigurationKind kind, string? serialConsole)
    {
        var continuation = kind switch
        {
            BootConfigurationKind.Grub2 => configuration == prefix.TrimEnd('/') + "/grub.cfg" ? GrubContinuation.PrefixConfiguration : GrubContinuation.OtherConfiguration,
            BootConfigurationKind.GrubLegacy => GrubContinuation.LegacyMenu,
            _ => throw ApplyDiagnostics.Contradiction.ToException($"GRUB 2 cannot read a configuration of kind {kind}", configuration),
        };
        var (port, speed) = Serial(serialConsole);
        return new GrubEarlyConfig(uuid, prefix) { SerialPort = port, SerialSpeed = speed, Continuation = continuation, ConfigurationPath = configuration };
    }

    /// <summary>ttyS0 or ttyS0,115200: the forms that a kernel takes.</summary>
    private static (int? Port, int Speed) Serial(string? console)
    {
        if (console is null)
        {
            return (null, DefaultSpeed);
        }

        var parts = console.Split(',');
        var digits = parts.Length > 1 ? new string([.. parts[1].TakeWhile(char.IsAsciiDigit)]) : "";
        return parts[0].StartsWith("ttyS", StringComparison.Ordinal) && int.TryParse(parts[0].AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port < 4
            ? (port, int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var speed) && speed > 0 ? speed : DefaultSpeed)
            : throw ApplyDiagnostics.Contradiction.ToException($"\"{console}\" is no serial port that GRUB knows (ttyS0 to ttyS3)");
    }
}
