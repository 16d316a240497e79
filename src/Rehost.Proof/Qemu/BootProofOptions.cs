using System.Collections.Immutable;

namespace Rehost.Proof.Qemu;

/// <summary>Which accelerator QEMU shall use.</summary>
public enum QemuAcceleration
{
    /// <summary>KVM when a probe ran guest code with it, software emulation otherwise.</summary>
    Automatic,

    /// <summary>Software emulation.</summary>
    Software,

    /// <summary>KVM.</summary>
    Kvm,
}

/// <summary>How a boot proof is run.</summary>
public sealed record BootProofOptions
{
    /// <summary>Where the evidence goes; made when it is not there.</summary>
    public required string EvidenceDirectory { get; init; }

    /// <summary>Time allowed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Stage at which the proof is complete.</summary>
    public BootMilestone Goal { get; init; } = BootMilestone.Login;

    /// <summary>How long output is still collected after a failure or the goal was seen.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Accelerator.</summary>
    public QemuAcceleration Acceleration { get; init; }

    /// <summary>Program; null to look for it in the usual places.</summary>
    public string? QemuPath { get; init; }

    /// <summary>PCI Express chipset, as in the domain description.</summary>
    public bool IsQ35 { get; init; } = true;

    /// <summary>Most memory the guest gets.</summary>
    public long MaximumMemoryBytes { get; init; } = 1L << 30;

    /// <summary>Most processors the guest gets.</summary>
    public int MaximumVirtualCpus { get; init; } = 2;

    /// <summary>A processor model; null for the accelerator's best.</summary>
    public string? ProcessorModel { get; init; }

    /// <summary>Files of the machine's disks when they are not those of its description; in the machine's order.</summary>
    public ImmutableArray<string> DiskPaths { get; init; } = [];

    /// <summary>Where the disks lie in their files, in the machine's order; empty, or null for one, when a disk is the whole file.</summary>
    public ImmutableArray<DiskFilePart?> DiskParts { get; init; } = [];

    /// <summary>The machine has no serial line: stages are read from the screen, as long as it is in text mode.</summary>
    public bool ReadsScreen { get; init; }

    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>Where a disk lies in a file: a member of an archive that is not packed.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
public sealed record DiskFilePart(long Offset, long Length);
