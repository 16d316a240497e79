using System.Globalization;

namespace Rehost.Planning;

/// <summary>Compares kernel releases by their leading numbers: 2.6.18-128.el5 is 2, 6, 18.</summary>
internal static class KernelVersion
{
    /// <summary>Whether a release is older than a version. One that begins with no number is not.</summary>
    public static bool IsBefore(string release, params int[] version)
    {
        var numbers = release.Split('.', '-', '+', '_');
        for (var i = 0; i < version.Length; i++)
        {
            if (i >= numbers.Length || !int.TryParse(numbers[i], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                return i > 0;
            }

            if (number != version[i])
            {
                return number < version[i];
            }
        }

        return false;
    }
}
