using System.Globalization;

namespace Rehost.Hypervisors.Ovf;

/// <summary>Programmatic units (DMTF DSP0004 annex C.1) as far as bytes go, and the words that exporters write instead.</summary>
internal static class OvfUnits
{
    /// <summary>Bytes of a unit; null for one that is not known.</summary>
    /// <param name="unit">"byte * 2^20", "MegaBytes", "GB"; null or empty for bytes.</param>
    public static long? BytesOf(string? unit)
    {
        var text = (unit ?? "").Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant();
        switch (text)
        {
            case "" or "BYTE" or "BYTES":
                return 1;
            case "KILOBYTE" or "KILOBYTES" or "KB" or "KIBIBYTES" or "KIB":
                return 1L << 10;
            case "MEGABYTE" or "MEGABYTES" or "MB" or "MEBIBYTES" or "MIB":
                return 1L << 20;
            case "GIGABYTE" or "GIGABYTES" or "GB" or "GIBIBYTES" or "GIB":
                return 1L << 30;
            case "TERABYTE" or "TERABYTES" or "TB" or "TEBIBYTES" or "TIB":
                return 1L << 40;
        }

        if (!text.StartsWith("BYTE*", StringComparison.Ordinal) || text["BYTE*".Length..].Split('^') is not [var baseText, var exponentText]
            || baseText is not ("2" or "10") || !int.TryParse(exponentText, NumberStyles.None, CultureInfo.InvariantCulture, out var exponent) || exponent > (baseText == "2" ? 50 : 15))
        {
            return null;
        }

        long result = 1;
        for (var i = 0; i < exponent; i++)
        {
            result *= baseText == "2" ? 2 : 10;
        }

        return result;
    }
}
