using System.Globalization;
using System.Text.RegularExpressions;

namespace Rehost.Hypervisors.Xen;

/// <summary>
/// The names under which Xen shows disks to a guest (xen-vbd-interface(7)): xvda, sda1, hda; d0p1; or the number of the virtual block device.
/// </summary>
public static partial class XenDeviceName
{
    /// <summary>Brings a vdev to the name the guest's kernel uses, or answers null when it is none.</summary>
    /// <param name="vdev">As a configuration writes it, with or without /dev/.</param>
    /// <param name="numbers">Whether the number of a virtual block device is taken, too.</param>
    public static string? Normalize(string vdev, bool numbers = true)
    {
        ArgumentNullException.ThrowIfNull(vdev);
        var name = vdev.StartsWith("/dev/", StringComparison.Ordinal) ? vdev[5..] : vdev;
        if (Named().IsMatch(name))
        {
            return name;
        }

        if (Numbered().Match(name) is { Success: true } match)
        {
            var disk = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            return FromIndex(disk) + (match.Groups[2].Value is "" or "0" ? "" : match.Groups[2].Value);
        }

        if (!numbers)
        {
            return null;
        }

        var hex = name.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return int.TryParse(hex ? name.AsSpan(2) : name.AsSpan(), hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? FromDeviceNumber(number)
            : null;
    }

    /// <summary>The name of the n-th Xen disk: xvda, xvdb, … xvdz, xvdaa.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="prefix">xvd, sd, hd or vd.</param>
    public static string FromIndex(int index, string prefix = "xvd")
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        var letters = "";
        for (var rest = index; rest >= 0; rest = (rest / 26) - 1)
        {
            letters = (char)('a' + (rest % 26)) + letters;
        }

        return prefix + letters;
    }

    /// <summary>The position of a disk by its letters: xvda, sda1 and hda are 0; null for what is no such name.</summary>
    /// <param name="name">A name as <see cref="Normalize"/> answers it.</param>
    public static int? DiskIndexOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (Named().Match(name) is not { Success: true } match)
        {
            return null;
        }

        return match.Groups[2].Value.Aggregate(0, (index, letter) => (index * 26) + letter - 'a' + 1) - 1;
    }

    /// <summary>The partition number in a name: 1 for xvda1, 0 for xvda.</summary>
    /// <param name="name">A name as <see cref="Normalize"/> answers it.</param>
    public static int PartitionOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Named().Match(name) is { Success: true } match && match.Groups[3].Success ? int.Parse(match.Groups[3].ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    // "Concrete encoding in the VBD interface": 1 << 28 | disk << 8 | partition, 202 << 8 | disk << 4 | partition, and the majors of hd and sd.
    private static string? FromDeviceNumber(int number)
    {
        if (number >> 28 == 1)
        {
            return WithPartition(FromIndex((number >> 8) & 0xFFFFF), number & 0xFF);
        }

        return (number >> 8) switch
        {
            202 => WithPartition(FromIndex((number >> 4) & 0xF), number & 0xF),
            8 => WithPartition(FromIndex((number >> 4) & 0xF, "sd"), number & 0xF),
            3 => WithPartition(FromIndex((number >> 6) & 3, "hd"), number & 0x3F),
            22 => WithPartition(FromIndex(2 + ((number >> 6) & 3), "hd"), number & 0x3F),
            _ => null,
        };
    }

    private static string WithPartition(string disk, int partition) => partition == 0 ? disk : FormattableString.Invariant($"{disk}{partition}");

    [GeneratedRegex("^(xvd|sd|hd|vd)([a-z]{1,3})([1-9][0-9]{0,2})?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Named();

    [GeneratedRegex("^d([0-9]{1,4})(?:p([0-9]{1,3}))?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Numbered();
}
