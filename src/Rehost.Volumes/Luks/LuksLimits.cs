namespace Rehost.Volumes.Luks;

/// <summary>What a header may ask for. Beyond it, opening would not end or would take all memory.</summary>
internal static class LuksLimits
{
    /// <summary>Memory of Argon2: cryptsetup itself uses no more than 4 GiB, and 1 GiB by default. Counted in blocks that one array can hold.</summary>
    public const int MaximumArgonKibibytes = 4 << 20;

    /// <summary>Passes of Argon2 over its memory, in all: passes times KiB. cryptsetup's default is some 4 passes over 1 GiB.</summary>
    public const long MaximumArgonWork = 64L << 20;

    /// <summary>Lanes of Argon2.</summary>
    public const int MaximumArgonLanes = 64;

    /// <summary>Rounds of PBKDF2. A fast machine of today chooses some five million for two seconds.</summary>
    public const int MaximumRounds = 100_000_000;

    /// <summary>Bytes of a volume key.</summary>
    public const int MaximumKey = 512;

    /// <summary>Stripes of a key slot; cryptsetup writes 4000.</summary>
    public const int MaximumStripes = 65536;

    /// <summary>Bytes of a header of LUKS2 with its JSON.</summary>
    public const int MaximumHeader = 4 << 20;
}
