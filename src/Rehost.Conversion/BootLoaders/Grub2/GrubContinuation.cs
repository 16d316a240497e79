namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>What GRUB does after its embedded configuration.</summary>
public enum GrubContinuation
{
    /// <summary>Reads grub.cfg at the prefix.</summary>
    PrefixConfiguration,

    /// <summary>Reads a GRUB 2 configuration at another path.</summary>
    OtherConfiguration,

    /// <summary>Reads a GRUB legacy menu (menu.lst, grub.conf) and shows it; needs the module legacycfg.</summary>
    LegacyMenu,
}
