namespace Rehost.Proof.Qemu;

/// <summary>Where distributions put the UEFI firmware for QEMU, without secure boot: pairs of code and variables.</summary>
internal static class UefiFirmware
{
    private static readonly (string Code, string Variables)[] s_places =
    [
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
        ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
        ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    ];

    /// <summary>Finds a pair.</summary>
    public static (string Code, string Variables) Find()
    {
        var found = Array.Find(s_places, place => File.Exists(place.Code) && File.Exists(place.Variables));
        return found.Code is null
            ? throw QemuDiagnostics.NoFirmware.ToException($"none of {string.Join(", ", s_places.Select(place => place.Code))} exists")
            : found;
    }
}
