namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>What is believed of the size of GRUB's files.</summary>
internal static class GrubFileLimits
{
    /// <summary>The largest module of GRUB 2.12 has 0.4 MB.</summary>
    public const int MaximumBytes = 2 << 20;

    /// <summary>A name that is one path component and nothing surprising.</summary>
    public static bool IsPlainName(string name)
        => name.Length is > 0 and <= 64 && name[0] != '.' && name.All(one => char.IsAsciiLetterOrDigit(one) || one is '_' or '-' or '.' or '+');
}
