namespace Rehost.FileSystems.Fat;

/// <summary>Dates since 1980 and times in steps of two seconds; local to the guest, whose time zone is not recorded, and taken as UTC.</summary>
internal static class FatTime
{
    private const int FirstYear = 1980;
    private const int LastYear = 2107;

    internal static DateTimeOffset Decode(int date, int time)
    {
        var (year, month, day) = (FirstYear + (date >> 9), (date >> 5) & 15, date & 31);
        var (hour, minute, second) = (time >> 11, (time >> 5) & 63, (time & 31) * 2);
        return month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59
            ? new DateTimeOffset(FirstYear, 1, 1, 0, 0, 0, TimeSpan.Zero)
            : new DateTimeOffset(year, month, day, hour, minute, second, TimeSpan.Zero);
    }

    internal static (ushort Date, ushort Time) Encode(DateTimeOffset moment)
    {
        var utc = moment.UtcDateTime;
        return utc.Year < FirstYear ? ((ushort)((1 << 5) | 1), (ushort)0)
            : utc.Year > LastYear ? ((ushort)(((LastYear - FirstYear) << 9) | (12 << 5) | 31), (ushort)0)
            : ((ushort)(((utc.Year - FirstYear) << 9) | (utc.Month << 5) | utc.Day), (ushort)((utc.Hour << 11) | (utc.Minute << 5) | (utc.Second / 2)));
    }
}
