using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Rehost.Volumes.Luks;

/// <summary>What either version's header says.</summary>
internal sealed record LuksHeader
{
    /// <summary>1 or 2.</summary>
    public required int Version { get; init; }

    /// <summary>UUID as blkid shows it.</summary>
    public required string Uuid { get; init; }

    /// <summary>Label; empty when there is none.</summary>
    public string Label { get; init; } = "";

    /// <summary>Key slots in use, in the order in which they are tried.</summary>
    public required ImmutableArray<LuksKeySlot> KeySlots { get; init; }

    /// <summary>Hash of the check of the volume key.</summary>
    public required HashAlgorithmName DigestHash { get; init; }

    /// <summary>Rounds of that check.</summary>
    public required int DigestRounds { get; init; }

    /// <summary>Salt of that check.</summary>
    public required byte[] DigestSalt { get; init; }

    /// <summary>What that check must come to.</summary>
    public required byte[] Digest { get; init; }

    /// <summary>Cipher of the content.</summary>
    public required string Cipher { get; init; }

    /// <summary>Bytes that are encrypted as one.</summary>
    public required int SectorSize { get; init; }

    /// <summary>Number of the first sector, in 512 bytes.</summary>
    public ulong FirstSector { get; init; }

    /// <summary>First byte of the content on the device.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes of content.</summary>
    public required long Length { get; init; }

    /// <summary>Why it cannot be opened with any key; null when it can.</summary>
    public string? Obstacle { get; init; }
}
