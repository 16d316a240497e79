using Rehost.Model;

namespace Rehost.Inspection.Storage;

/// <summary>What some bytes of a disk belong to.</summary>
/// <param name="Range">The bytes, of the disk.</param>
/// <param name="Volume">Device name of the volume; null for what lies outside of every volume.</param>
/// <param name="Path">The file, as the running guest names it where its volume is mounted, else as the volume does; null for what no file has.</param>
/// <param name="Holds">What it is: content, directory, inode, journal, free space.</param>
public sealed record BlockOwner(ByteRange Range, string? Volume, string? Path, string Holds)
{
    /// <inheritdoc/>
    public override string ToString() => (Path, Volume) switch
    {
        ({ } path, { } volume) => $"{path} ({Holds}, on {volume})",
        (null, { } volume) => $"{Holds} of {volume}",
        _ => Holds,
    };
}
