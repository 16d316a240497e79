using System.Text.Json.Serialization;

namespace Rehost.Proof.Qemu;

/// <summary>The stages of a start, in the order in which a guest passes them.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<BootMilestone>))]
public enum BootMilestone
{
    /// <summary>The firmware ran.</summary>
    Firmware,

    /// <summary>The boot loader ran.</summary>
    BootLoader,

    /// <summary>The kernel ran.</summary>
    Kernel,

    /// <summary>The root file system was mounted.</summary>
    RootMounted,

    /// <summary>init ran.</summary>
    Init,

    /// <summary>A login prompt was shown.</summary>
    Login,
}
