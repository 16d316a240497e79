namespace Rehost.Hypervisors.Kvm;

/// <summary>What the machine of a Windows guest has that others have not.</summary>
public sealed record LibvirtWindowsOptions
{
    /// <summary>Whether the guest keeps its hardware clock in UTC; Windows keeps local time unless told.</summary>
    public bool ClockIsUtc { get; init; }

    /// <summary>Whether the guest knows Hyper-V's enlightenments: Windows Vista, 2008 and later.</summary>
    public bool KnowsHyperV { get; init; }

    /// <summary>Whether the guest has drivers for virtio devices beside disk and network; without them old systems ask at each start.</summary>
    public bool HasVirtioDrivers { get; init; }

    /// <summary>Whether it gets a TPM.</summary>
    public bool HasTpm { get; init; }
}
