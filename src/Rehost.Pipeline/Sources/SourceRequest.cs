using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>What the operator gives as the source.</summary>
/// <param name="Path">File: an XVA, an OVA or OVF descriptor, a configuration, a disk image or block device; or the address of a machine on a host.</param>
public sealed record SourceRequest(string Path)
{
    /// <summary>Kind, when the operator says it: xva, ovf, vmx, xen, disk; null to find out.</summary>
    public string? Kind { get; init; }

    /// <summary>Format of a bare disk image, when the operator says it: raw, qcow2; null to find out.</summary>
    public string? DiskFormat { get; init; }

    /// <summary>Name by which the guest knows the disk of a machine that is given as bare disks: xvda1, sda; null for xvda.</summary>
    public string? DeviceName { get; init; }

    /// <summary>Further disk images, in order, of a machine that is given as bare disks.</summary>
    public ImmutableArray<BareDisk> MoreDisks { get; init; } = [];

    /// <summary>Name of a machine given as bare disks; null takes the file's name.</summary>
    public string? Name { get; init; }

    /// <summary>Name or UUID of the machine in a description that tells of several; null where it tells of one.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public string? Machine { get; init; }

    /// <summary>Memory of a machine given as bare disks, in bytes.</summary>
    public long MemoryBytes { get; init; } = 1L << 30;

    /// <summary>Virtual processors of a machine given as bare disks.</summary>
    public int VirtualCpus { get; init; } = 1;

    /// <summary>MAC addresses of the network adapters of a machine given as bare disks.</summary>
    public ImmutableArray<string> MacAddresses { get; init; } = [];

    /// <summary>Directories or files outside of the source's own directory that its images may refer to.</summary>
    public ImmutableArray<string> AllowedPaths { get; init; } = [];

    /// <summary>Internal snapshot that is converted instead of the present state; qcow2 only.</summary>
    public string? Snapshot { get; init; }

    /// <summary>How a host is spoken to, when the source is on one (xenserver://, xen+ssh://); null for a file.</summary>
    public RemoteAccess? Remote { get; init; }

    /// <summary>Disks of a storage repository of XenServer, by uuid, in the machine's order.</summary>
    public ImmutableArray<string> Vdis { get; init; } = [];

    /// <summary>Where the keys of encrypted volumes come from.</summary>
    public ImmutableArray<KeySource> Keys { get; init; } = [];

    /// <summary>What to do where it cannot be read.</summary>
    public ReadErrorPolicy OnReadError { get; init; }

    /// <summary>Puts something between a disk and its readers, for tests of faults.</summary>
    internal Func<IBlockDevice, IBlockDevice> Wrap { get; init; } = disk => disk;
}

/// <summary>A disk of a machine that is given as bare disks.</summary>
/// <param name="Path">Its image.</param>
/// <param name="DeviceName">Name by which the guest knows it; null for the next in order.</param>
public sealed record BareDisk(string Path, string? DeviceName = null);
