using System.Collections.Immutable;

namespace Rehost.Hypervisors.Ovf;

/// <summary>What a descriptor says, before it is interpreted.</summary>
/// <param name="Version">Version of OVF that it names; empty for 0.9 and many others.</param>
/// <param name="Files">References.</param>
/// <param name="Disks">Disk sections.</param>
/// <param name="Systems">Virtual systems, those in collections included.</param>
internal sealed record OvfEnvelope(string Version, ImmutableArray<OvfFile> Files, ImmutableArray<OvfDisk> Disks, ImmutableArray<OvfElement> Systems)
{
    /// <summary>The default configuration of a DeploymentOptionSection; null when there are none.</summary>
    public string? DefaultConfiguration { get; init; }
}

/// <summary>A file of the package.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Href">Where it is.</param>
/// <param name="Size">Its bytes, as it lies there; null when not said.</param>
/// <param name="IsGzip">Whether it is compressed.</param>
/// <param name="ChunkSize">Bytes of each part when it is split; null when it is whole.</param>
internal sealed record OvfFile(string Id, string Href, long? Size, bool IsGzip, long? ChunkSize);

/// <summary>A disk.</summary>
/// <param name="Id">Its id.</param>
/// <param name="FileReference">Id of its file; null for an empty disk.</param>
/// <param name="Capacity">Bytes; null when not said.</param>
/// <param name="Format">Name of its format; null when the descriptor does not tell one that is known.</param>
/// <param name="Interface">oVirt: VirtIO, VirtIO_SCSI, IDE.</param>
/// <param name="IsBootable">oVirt marks the disk to boot from.</param>
internal sealed record OvfDisk(string Id, string? FileReference, long? Capacity, string? Format, string? Interface, bool IsBootable);
