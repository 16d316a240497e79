namespace Rehost.Volumes.Lvm2;

/// <summary>LVM's ids: 32 letters and digits, printed in groups of 6, 4, 4, 4, 4, 4 and 6.</summary>
internal static class LvmId
{
    public const int Length = 32;

    public static string ToPrinted(string id)
        => id.Length == Length ? string.Join('-', id[..6], id[6..10], id[10..14], id[14..18], id[18..22], id[22..26], id[26..]) : id;

    public static string ToStored(string printed) => printed.Replace("-", "", StringComparison.Ordinal);
}
