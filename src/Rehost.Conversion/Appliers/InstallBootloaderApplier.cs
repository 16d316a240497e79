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
            ? new GuestGrubFiles(directory, path => Length(context.Tree, path), path => context.Tree.ReadAllBytes(path, int.MaxValue))
            : GrubFileLocator.Find(null, context.HostGrubDirectory);

    private static long? Length(GuestTree tree, string path) => tree.TryResolve(path) is { Kind: NodeKind.File } node ? node.Metadata.Length : null;

    private static GrubEarlyConfig EarlyConfig(InstallBootloader change)
    {
        var continuation = change.ConfigurationKind switch
        {
            BootConfigurationKind.Grub2 => change.ConfigurationPath == change.Prefix.TrimEnd('/') + "/grub.cfg" ? GrubContinuation.PrefixConfiguration : GrubContinuation.OtherConfiguration,
            BootConfigurationKind.GrubLegacy => GrubContinuation.LegacyMenu,
            _ => throw ApplyDiagnostics.Contradiction.ToException($"GRUB 2 cannot read a configuration of kind {change.ConfigurationKind}", change.ConfigurationPath),
        };
        var (port, speed) = Serial(change.SerialConsole);
        return new GrubEarlyConfig(change.FileSystemUuid, change.Prefix) { SerialPort = port, SerialSpeed = speed, Continuation = continuation, ConfigurationPath = change.ConfigurationPath };
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
