namespace Rehost.FileSystems.Ntfs;

/// <summary>A record's number and how often it was used before, which tells a stale reference from a good one.</summary>
internal static class FileReference
{
    internal const long FirstUserRecord = 24;
    internal const long Mft = 0;
    internal const long MftMirror = 1;
    internal const long LogFile = 2;
    internal const long Volume = 3;
    internal const long Root = 5;
    internal const long Bitmap = 6;
    internal const long UpperCase = 10;
    internal const long Extend = 11;
    private const ulong NumberMask = 0xFFFFFFFFFFFF;

    internal static long Number(ulong reference) => (long)(reference & NumberMask);

    internal static ushort Sequence(ulong reference) => (ushort)(reference >> 48);
}
