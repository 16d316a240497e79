namespace Rehost.FileSystems.Ntfs;

/// <summary>Times in steps of 100 ns since 1601.</summary>
internal static class NtfsTime
{
    internal static DateTimeOffset Decode(long time)
        => time >= 0 && time <= DateTime.MaxValue.ToFileTimeUtc() ? new DateTimeOffset(DateTime.FromFileTimeUtc(time)) : DateTimeOffset.UnixEpoch;

    internal static long Encode(DateTimeOffset moment) => moment.Year < 1601 ? 0 : moment.UtcDateTime.ToFileTimeUtc();
}
