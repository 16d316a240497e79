namespace Rehost.DiskFormats.Xva;

/// <summary>For which release an ova.xml is written.</summary>
public sealed record OvaXmlOptions
{
    /// <summary>Version that the export says it comes from: not above that of the host.</summary>
    public string ProductVersion { get; init; } = "7.0.0";

    /// <summary>Whether that product is XCP-ng.</summary>
    public bool IsXcp { get; init; }

    /// <summary>Minor version of xapi that the export says it comes from (the major one is 1): hosts refuse what is newer than they are.</summary>
    public int XapiMinor { get; init; } = 9;

    /// <summary>QEMU's own device model, since XenServer 7.0; before, there was one and no name for it.</summary>
    public bool HasUpstreamDeviceModel { get; init; } = true;

    /// <summary>Whether the release tells UEFI from BIOS, since Citrix Hypervisor 8.0; others ignore the word.</summary>
    public bool HasFirmwareChoice { get; init; } = true;

    /// <summary>Whether the guest knows Hyper-V's enlightenments ("viridian"): Windows Vista, 2008 and later.</summary>
    public bool IsWindows { get; init; }
}
