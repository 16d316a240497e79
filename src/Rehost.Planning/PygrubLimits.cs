using System.Text.RegularExpressions;
using Rehost.Model;
using Rehost.Planning.Steps.Linux;

namespace Rehost.Planning;

/// <summary>
/// What pygrub of Xen 4.17 does not read, tried with it: file systems other than ext2 to ext4 (XFS since its version 5, Btrfs), logical volumes, arrays, logical partitions, and
/// of grub.cfg variables in paths, linuxefi and a second initrd.
/// </summary>
internal static partial class PygrubLimits
{
    private const int FirstLogicalPartition = 5;

    /// <summary>Why pygrub does not find the kernel; null when it does.</summary>
    public static string? WhyNot(GuestFacts facts, TargetCapabilities target, ConversionOptions options)
    {
        var devices = new DeviceNames(facts, target);
        if (TargetFit.DefaultKernel(facts, target) is not { } kernel || devices.Holding(kernel.ImagePath) is not { } volume)
        {
            return null;
        }

        var reason = !volume.BuiltOn.IsEmpty ? "a logical volume, an array or encrypted"
            : volume.Type is not ("ext2" or "ext3" or "ext4") ? volume.Type ?? "unknown"
            : IsLogical(facts, volume) && options.DiskLayout != "partitions" ? "a logical partition"
            : null;
        if (reason is not null)
        {
            return $"{kernel.ImagePath} lies on {volume.DeviceName}, which is {reason}";
        }

        return BootMenuStep.Effective(facts) is { Kind: BootConfigurationKind.Grub2, UsesLoaderEntries: false } menu && facts.Files.GetValueOrDefault(menu.Path)?.Text is { } text
            && Foreign().Match(text) is { Success: true } line ? $"{menu.Path} says '{line.Value.Trim()}'" : null;
    }

    private static bool IsLogical(GuestFacts facts, VolumeFacts volume)
        => volume.PartitionNumber >= FirstLogicalPartition && facts.Disks.Any(disk => disk.DiskId == volume.DiskId && disk.Scheme == PartitionScheme.Mbr);

    [GeneratedRegex(@"^[ \t]*((linuxefi|initrdefi)[ \t].{0,60}|(linux|linux16|initrd|initrd16)[ \t]+\S{0,200}\$.{0,60}|initrd(16)?[ \t]+\S+[ \t]+/\S.{0,60})", RegexOptions.Multiline | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2000)]
    private static partial Regex Foreign();
}
