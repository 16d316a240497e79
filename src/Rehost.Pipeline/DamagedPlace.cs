using System.Collections.Immutable;

namespace Rehost.Pipeline;

/// <summary>Bytes of a disk that are not what they should be, and what they belong to.</summary>
/// <param name="Disk">The disk: its file, or its name in the guest.</param>
/// <param name="Offset">First byte, of the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Owners">What they belong to: "/usr/bin/env (content, on vda1)".</param>
public sealed record DamagedPlace(string Disk, long Offset, long Length, ImmutableArray<string> Owners)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Offset}+{Length}: {(Owners.IsEmpty ? "what it belongs to is not known" : string.Join(", ", Owners))}");
}
