using System.Globalization;

namespace Rehost.Testing.Windows;

/// <summary>A tree as virtio-win's ISO has it, made up: the .inf files use every turn of phrase that the real ones use (decorations with build numbers, string tables, quotes, continued lines, UTF-16).</summary>
public static class PhonyVirtioWin
{
    private static readonly byte[] Sha1Catalog = [0x30, 0x80, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00];
    private static readonly byte[] Sha2Catalog = [0x30, 0x80, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00];

    /// <summary>A catalogue that is signed with both digests, as far as anybody here looks.</summary>
    internal static byte[] Catalogue => [.. Sha1Catalog, .. Sha2Catalog];

    /// <summary>Directories by system, and the decoration that its .inf files have.</summary>
    public static IReadOnlyDictionary<string, string> Systems { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["xp"] = "", ["2k3"] = "", ["2k8"] = ".6.0", ["w7"] = ".6.1", ["2k8R2"] = ".6.1", ["w8"] = ".6.2", ["2k12"] = ".6.2", ["w8.1"] = ".6.3", ["2k12R2"] = ".6.3",
        ["w10"] = ".10.0", ["2k16"] = ".10.0...14393", ["2k19"] = ".10.0...17763", ["2k22"] = ".10.0...20348", ["w11"] = ".10.0...22000", ["2k25"] = ".10.0...26100",
    };

    /// <summary>Writes the tree.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="systems">Which systems; all when none are named.</param>
    /// <param name="sha2Only">Whether catalogues have SHA-2 alone.</param>
    public static void Create(string directory, IReadOnlyList<string>? systems = null, bool sha2Only = false)
    {
        foreach (var (system, decoration) in Systems.Where(item => systems is null || systems.Contains(item.Key)))
        {
            foreach (var architecture in (string[])["x86", "amd64", "ARM64"])
            {
                if (architecture == "ARM64" && system is not ("w10" or "w11" or "2k25"))
                {
                    continue;
                }

                Driver(directory, "viostor", system, architecture, decoration, "SCSIAdapter", "{4d36e97b-e325-11ce-bfc1-08002be10318}", "1001", "1042", "00021AF4", "SCSI miniport", 0, sha2Only);
                Driver(directory, "vioscsi", system, architecture, decoration, "SCSIAdapter", "{4d36e97b-e325-11ce-bfc1-08002be10318}", "1004", "1048", "00081AF4", "SCSI miniport", 0, sha2Only);
                Driver(directory, "NetKVM", system, architecture, decoration, "Net", "{4d36e972-e325-11ce-bfc1-08002be10318}", "1000", "1041", "00011AF4", "NDIS", 3, sha2Only);
                Driver(directory, "Balloon", system, architecture, decoration, "System", "{4d36e97d-e325-11ce-bfc1-08002be10318}", "1002", "1045", "00051AF4", "Extended Base", 3, sha2Only);
            }
        }

        File.WriteAllText(Path.Combine(directory, "autorun.inf"), "[AutoRun]\nopen=virtio-win-gt.exe\n");
    }

    private static void Driver(string root, string name, string system, string architecture, string decoration, string className, string classGuid, string transitional, string modern, string subsystem, string group, int start, bool sha2Only)
    {
        var directory = Path.Combine(root, name, system, architecture);
        Directory.CreateDirectory(directory);
        var service = name.ToLowerInvariant();
        var nt = architecture == "x86" && decoration.Length == 0 ? "" : $"NT{architecture.ToLowerInvariant()}{decoration}";
        var models = nt.Length == 0 ? "RedHat" : $"RedHat.{nt}";
        var inf = $""""
            ;
            ; Copyright: nobody, this is a fixture [Not.A.Section]
            ;
            [Version]
            Signature = "$Windows NT$"      ; a comment "with quotes
            Class = {className}
            ClassGuid = {classGuid}
            Provider = %RHEL%
            DriverVer = 04/14/2021,100.85.104.19900
            CatalogFile = {service}.cat
            PnpLockDown = 1

            [DestinationDirs]
            DefaultDestDir = 12
            CoFiles = 11

            [SourceDisksNames]
            1 = %Disk%,,,""

            [SourceDisksFiles]
            {service}.sys = 1,,
            {service}co.dll = 1

            [Manufacturer]
            %RHEL% = RedHat{(nt.Length == 0 ? "" : ", \\\n                " + nt)}

            [{models}]
            %Desc% = {service}_inst, PCI\VEN_1AF4&DEV_{transitional}&SUBSYS_{subsystem}&REV_00, PCI\VEN_1AF4&DEV_{transitional}
            %Desc% = {service}_inst, PCI\VEN_1AF4&DEV_{modern}&SUBSYS_11001AF4&REV_01, PCI\VEN_1AF4&DEV_{modern}

            [{service}_inst]
            CopyFiles = DriverFiles, CoFiles

            [DriverFiles]
            {service}.sys,,,2

            [CoFiles]
            {service}co.dll

            [{service}_inst.Services]
            AddService = {service}, %SPSVCINST_ASSOCSERVICE%, {service}_Service, {service}_Event

            [{service}_Service]
            DisplayName    = %Desc%
            ServiceType    = %SERVICE_KERNEL_DRIVER%
            StartType      = {start}
            ErrorControl   = 1
            ServiceBinary  = %12%\{service}.sys
            LoadOrderGroup = {group}
            AddReg         = {service}_AddReg

            [{service}_AddReg]
            HKR, "Parameters\PnpInterface", "5", %REG_DWORD%, 0x00000001
            HKR, "Parameters", "BusType", %REG_DWORD%, 0x0000000A
            HKR, "Parameters", "IoTimeoutValue", 0x00010001, 0x5A

            [{service}_Event]
            AddReg = {service}_EventReg

            [{service}_EventReg]
            HKR,,EventMessageFile,0x00020000,"%%SystemRoot%%\System32\IoLogMsg.dll"

            [Strings]
            RHEL = "Red Hat, Inc."
            Disk = "A ""disk"""
            Desc = "Red Hat VirtIO {name} for {system}"
            SPSVCINST_ASSOCSERVICE = 0x00000002
            SERVICE_KERNEL_DRIVER  = 1
            REG_DWORD = 0x00010001
            """".Replace("\n", "\r\n", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(directory, service + ".inf"), inf, system is "w10" or "w11" ? System.Text.Encoding.Unicode : System.Text.Encoding.ASCII);
        File.WriteAllText(Path.Combine(directory, service + ".sys"), string.Create(CultureInfo.InvariantCulture, $"{name} for {system} {architecture}"));
        File.WriteAllText(Path.Combine(directory, service + "co.dll"), "co-installer");
        File.WriteAllText(Path.Combine(directory, service + ".pdb"), "symbols nobody needs");
        File.WriteAllBytes(Path.Combine(directory, service + ".cat"), sha2Only ? Sha2Catalog : Catalogue);
    }
}
