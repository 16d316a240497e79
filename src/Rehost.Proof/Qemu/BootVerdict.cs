using System.Text.Json.Serialization;

namespace Rehost.Proof.Qemu;

/// <summary>How the attempt to boot ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<BootVerdict>))]
public enum BootVerdict
{
    /// <summary>The goal was reached.</summary>
    Booted,

    /// <summary>The guest gave up, with a known cause.</summary>
    Failed,

    /// <summary>The time was up.</summary>
    TimedOut,

    /// <summary>The guest restarted or turned itself off.</summary>
    Ended,
}
