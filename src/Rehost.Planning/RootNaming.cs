using Rehost.Model;

namespace Rehost.Planning;

/// <summary>How the program that mounts the root takes the name of a device.</summary>
internal enum RootNaming
{
    /// <summary>UUID=…, as every initramfs since 2008 does.</summary>
    Uuid,

    /// <summary>/dev/disk/by-uuid/…: mkinitrd of SUSE takes names of devices.</summary>
    ByUuidPath,

    /// <summary>The target's own name: a kernel without initramfs, and nash, which knows LABEL= but not always UUID=.</summary>
    TargetName,
}

/// <summary>Names of devices as kernels' initramfs understand them.</summary>
internal static class RootNames
{
    /// <summary>What a kernel's initramfs takes; a kernel that is not known has one that takes UUIDs.</summary>
    public static RootNaming For(InstalledKernel? kernel) => kernel switch
    {
        null => RootNaming.Uuid,
        { Initramfs: null } => RootNaming.TargetName,
        { Initramfs.Generator: InitramfsGenerator.Nash or InitramfsGenerator.Rehost } => RootNaming.TargetName,
        { Initramfs.Generator: InitramfsGenerator.SuseMkinitrd } => RootNaming.ByUuidPath,
        _ => RootNaming.Uuid,
    };

    /// <summary>The name of a volume in that form.</summary>
    public static string NameOf(VolumeFacts volume, RootNaming naming, DeviceNames devices) => naming switch
    {
        RootNaming.TargetName => devices.TargetName(volume),
        RootNaming.ByUuidPath when volume.Uuid is { } uuid && !devices.UsesTargetNames => $"/dev/disk/by-uuid/{uuid}",
        _ => devices.StableName(volume),
    };
}
