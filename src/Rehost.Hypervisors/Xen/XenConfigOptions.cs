namespace Rehost.Hypervisors.Xen;

/// <summary>How a configuration is written.</summary>
public sealed record XenConfigOptions
{
    /// <summary>The syntax of xm, of Xen 3 and 4.0 to 4.4 (S4.8): tap:aio: and phy:, builder, root and extra; every xl still reads it.</summary>
    public bool IsXm { get; init; }

    /// <summary>A PV guest gets a frame buffer with VNC on the host's loopback address (S2.30). A guest with firmware always has its screen there.</summary>
    public bool HasFrameBuffer { get; init; }

    /// <summary>A guest that knows Hyper-V's enlightenments: Windows Vista, 2008 and later.</summary>
    public bool KnowsHyperV { get; init; }

    /// <summary>A guest whose hardware clock runs in local time: Windows, unless it was told otherwise.</summary>
    public bool ClockIsLocal { get; init; }
}
