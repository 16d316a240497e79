using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Data disks that Windows would leave offline.</summary>
internal sealed class WindowsDisksStep : WindowsStep
{
    private const uint OnlineAll = 1;
    private const string MountedDevices = @"HKLM\SYSTEM\MountedDevices";

    public override string Id => "windows-disks";

    public override string Title => "Drive letters and data disks";

    public override string Description =>
        "Servers from 2008 on leave disks offline that they see for the first time on a bus that could be shared, which virtio and SCSI disks are to them. The policy (partmgr's SanPolicy) is set to bring all online where there is more " +
        "than one disk, before the first start rather than after it. Signatures of disks are not changed, so drive letters stay; where the letter of Windows' own drive names a partition that is not there, as after a copy whose signature was " +
        "changed, it is pointed at the volume of Windows, which would else come up under another letter and let nobody log on.";

    public override ImmutableArray<string> Requirements => ["S3.10", "S3.16"];

    public override ImmutableArray<string> Reads => [MountedDevices, @"HKLM\SYSTEM\ControlSet*\Services\partmgr\Parameters", @"HKLM\SYSTEM\ControlSet*\Services\partmgr"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        KeepLetter(context, windows, registry);
        if (!windows.Version.IsAtLeast(6, 0) || context.Facts.Disks.Length < 2)
        {
            context.Skip(context.Facts.Disks.Length < 2 ? "there is one disk" : "Windows before Vista brings all disks online");
            return;
        }

        foreach (var set in windows.ControlSets.Where(set => registry.Exists($@"{set.Key}\Services\partmgr")))
        {
            registry.Set($@"{set.Key}\Services\partmgr\Parameters", "SanPolicy", RegistryData.OfNumber(OnlineAll), "Data disks appear on a new bus; Windows is to bring them online with their letters.");
        }

        context.Skip("all disks come online already");
    }

    private static void KeepLetter(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        const string key = @"SYSTEM\MountedDevices";
        var name = $@"\DosDevices\{windows.SystemDrive}";
        var letter = windows.DriveLetters.FirstOrDefault(one => one.Letter.Equals(windows.SystemDrive, StringComparison.OrdinalIgnoreCase));
        if (letter is { VolumeName: null } && registry.Value(key, name) is { Type: "REG_BINARY", Bytes: var before } && NamesPartition(before)
            && !windows.DriveLetters.Any(other => other.VolumeName == windows.SystemVolume) && NameOf(context, windows) is { } right)
        {
            registry.Set(key, name, RegistryData.OfBytes(right), $"{letter.Letter} names {letter.Means}, which is not there; it is {windows.SystemVolume}, and nobody could log on if it came up under another letter.");
        }
    }

    // MBR: signature and first byte; GPT: a mark and the partition's id. Other texts name devices, which Windows finds by itself.
    private static bool NamesPartition(IReadOnlyList<byte> data) => data.Count == 12 || (data.Count == 24 && data.Take(8).SequenceEqual("DMIO:ID:"u8.ToArray()));

    private static byte[]? NameOf(PlanningContext context, WindowsFacts windows)
    {
        if (context.Facts.Volumes.FirstOrDefault(one => one.DeviceName == windows.SystemVolume) is not { PartitionNumber: > 0 } volume || context.Facts.Disks.FirstOrDefault(one => one.DiskId == volume.DiskId) is not { } disk)
        {
            return null;
        }

        return disk.Scheme == PartitionScheme.Gpt
            ? Guid.TryParse(volume.PartitionUuid, out var id) ? [.. "DMIO:ID:"u8, .. id.ToByteArray()] : null
            : uint.TryParse(disk.TableId, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var signature) ? [.. Little(signature, 4), .. Little((ulong)volume.Offset, 8)] : null;
    }

    private static IEnumerable<byte> Little(ulong number, int bytes) => Enumerable.Range(0, bytes).Select(place => (byte)(number >> (8 * place) & 0xff));
}
