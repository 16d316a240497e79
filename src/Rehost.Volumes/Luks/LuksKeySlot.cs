using System.Security.Cryptography;

namespace Rehost.Volumes.Luks;

/// <summary>A key slot of either version: how a passphrase becomes the key of an area, and where in the area the volume key lies, spread over stripes.</summary>
internal sealed record LuksKeySlot
{
    /// <summary>Its number.</summary>
    public required int Number { get; init; }

    /// <summary>pbkdf2, argon2i or argon2id.</summary>
    public required string Function { get; init; }

    /// <summary>Hash of PBKDF2.</summary>
    public HashAlgorithmName Hash { get; init; }

    /// <summary>Rounds of PBKDF2, or passes of Argon2.</summary>
    public required int Rounds { get; init; }

    /// <summary>Memory of Argon2 in KiB.</summary>
    public int Kibibytes { get; init; }

    /// <summary>Lanes of Argon2.</summary>
    public int Lanes { get; init; }

    /// <summary>Salt.</summary>
    public required byte[] Salt { get; init; }

    /// <summary>Cipher of the area.</summary>
    public required string Cipher { get; init; }

    /// <summary>Bytes of the key of the area.</summary>
    public required int AreaKeyLength { get; init; }

    /// <summary>First byte of the area on the device.</summary>
    public required long AreaOffset { get; init; }

    /// <summary>Bytes of the volume key.</summary>
    public required int KeyLength { get; init; }

    /// <summary>Stripes.</summary>
    public required int Stripes { get; init; }

    /// <summary>Hash between the stripes.</summary>
    public required HashAlgorithmName StripeHash { get; init; }
}
