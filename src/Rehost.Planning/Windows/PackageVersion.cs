using System.Buffers.Binary;
using System.Globalization;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>
/// The value Version of a package in DriverDatabase, 48 bytes as real hives have them: marks, class id, driver date as FILETIME, version of four 16-bit numbers the last first, zeros.
/// </summary>
internal static class PackageVersion
{
    private const int Length = 48;
    private const long FileTimeOfYearOne = 504911232000000000; // ticks from the year 1 to 1601, where FILETIME begins

    /// <summary>The value for a package.</summary>
    public static byte[] Encode(DriverPackage package)
    {
        var data = new byte[Length];
        BinaryPrimitives.WriteUInt32LittleEndian(data, 0x0009ff00);
        if (Guid.TryParse(package.ClassGuid, out var guid))
        {
            guid.TryWriteBytes(data.AsSpan(8));
        }

        if (DateTime.TryParseExact(package.DriverDate, ["M/d/yyyy", "MM/dd/yyyy"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var date) && date.Year >= 1601)
        {
            BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(24), date.Ticks - FileTimeOfYearOne);
        }

        var parts = package.DriverVersion.Split('.');
        for (var i = 0; i < Math.Min(4, parts.Length); i++)
        {
            if (ushort.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out var part))
            {
                BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(32 + ((3 - i) * 2)), part);
            }
        }

        return data;
    }
}
