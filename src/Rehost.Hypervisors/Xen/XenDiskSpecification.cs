namespace Rehost.Hypervisors.Xen;

/// <summary>One entry of <c>disk = […]</c>, in either dialect, in common words.</summary>
public sealed record XenDiskSpecification
{
    /// <summary>The entry as written, for messages.</summary>
    public required string Text { get; init; }

    /// <summary>Where it stands.</summary>
    public XenConfigPosition Position { get; init; }

    /// <summary>File, block device or, for another back end, its own name of the disk; empty for an empty CD-ROM drive.</summary>
    public string Target { get; init; } = "";

    /// <summary>raw, qcow, qcow2, vhd, qed or vmdk.</summary>
    public string Format { get; init; } = "raw";

    /// <summary>Name in the guest: xvda, xvda1, sda1, hda.</summary>
    public required string DeviceName { get; init; }

    /// <summary>The guest may only read.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>A CD-ROM drive: listed, never converted.</summary>
    public bool IsCdrom { get; init; }

    /// <summary>A phy: target: a relative one is below /dev (block script of Xen).</summary>
    public bool IsPhysical { get; init; }

    /// <summary>Block script that makes the target available, or null.</summary>
    public string? Script { get; init; }

    /// <summary>Domain that provides the disk when it is not dom0, or null.</summary>
    public string? Backend { get; init; }
}
