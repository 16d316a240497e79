using System.Collections.Immutable;

namespace Rehost.DiskFormats.Xva;

/// <summary>An ova.xml, and where the archive must have the disks.</summary>
/// <param name="Xml">Its bytes.</param>
/// <param name="DiskIds">The reference of each disk, in the machine's order. The archive has them in ordinal order, which is the same.</param>
public sealed record OvaXmlDescription(ReadOnlyMemory<byte> Xml, ImmutableArray<string> DiskIds);
