using Rehost.Blocks;

namespace Rehost.Volumes.Gpt;

/// <summary>A partition of a <see cref="GptTable"/>.</summary>
/// <param name="Number">Index in the entry array plus one, 1 to 128.</param>
/// <param name="Type">Type GUID, such as <see cref="PartitionTypes.LinuxData"/>.</param>
/// <param name="Id">The partition's own GUID, chosen by the caller so that output stays deterministic.</param>
/// <param name="Start">First sector.</param>
/// <param name="Sectors">Sectors; at least one.</param>
/// <param name="Name">Name, at most 36 UTF-16 units.</param>
/// <param name="Attributes">Attribute bits; see <see cref="LegacyBootable"/>.</param>
public sealed record GptEntry(int Number, Guid Type, Guid Id, Lba Start, long Sectors, string Name = "", ulong Attributes = 0)
{
    /// <summary>Attribute bit 2: BIOS boot code may start this partition.</summary>
    public const ulong LegacyBootable = 1 << 2;
}
