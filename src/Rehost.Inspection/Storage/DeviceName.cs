using System.Globalization;

namespace Rehost.Inspection.Storage;

/// <summary>The parts of a Linux disk name: xvda1 is "xvd", "a", 1; nvme0n1p2 is "nvme", "0n1", 2.</summary>
/// <param name="Driver">Prefix that tells the driver: xvd, sd, hd, vd.</param>
/// <param name="Letters">Which disk.</param>
/// <param name="Number">Partition; 0 for the whole disk.</param>
internal readonly record struct DeviceName(string Driver, string Letters, int Number)
{
    private static readonly string[] Drivers = ["xvd", "sd", "hd", "vd", "ubd"];

    /// <summary>Splits a name without /dev/; null when it is none of a disk.</summary>
    public static DeviceName? Parse(string name)
    {
        foreach (var driver in Drivers)
        {
            if (!name.StartsWith(driver, StringComparison.Ordinal))
            {
                continue;
            }

            var letters = name.AsSpan(driver.Length);
            var end = 0;
            while (end < letters.Length && char.IsAsciiLetterLower(letters[end]))
            {
                end++;
            }

            var digits = letters[end..];
            var number = 0;
            if (end is 0 or > 3 || (!digits.IsEmpty && (digits[0] == '0' || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number))))
            {
                continue;
            }

            return new DeviceName(driver, letters[..end].ToString(), number);
        }

        return null;
    }

    /// <summary>Position of the disk by its letters: a is 0, z is 25, aa is 26.</summary>
    public int DiskIndex => Letters.Aggregate(0, (index, letter) => (index * 26) + letter - 'a' + 1) - 1;

    /// <summary>The name of a partition of a disk: xvda and 1 make xvda1, nvme0n1 and 1 make nvme0n1p1.</summary>
    public static string OfPartition(string disk, int number)
        => disk.Length > 0 && char.IsAsciiDigit(disk[^1]) ? string.Create(CultureInfo.InvariantCulture, $"{disk}p{number}") : string.Create(CultureInfo.InvariantCulture, $"{disk}{number}");
}
