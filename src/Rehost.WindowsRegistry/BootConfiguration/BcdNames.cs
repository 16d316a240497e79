namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>Well-known objects and elements, named as bcdedit names them.</summary>
public static class BcdNames
{
    /// <summary>The type of the boot manager.</summary>
    public const uint WindowsBootManager = 0x10100002;

    /// <summary>The type of loaders of Windows.</summary>
    public const uint WindowsLoader = 0x10200003;

    /// <summary>The type of entries that wake a hibernated Windows.</summary>
    public const uint WindowsResume = 0x10200004;

    /// <summary>The device that a loader or the boot manager is on.</summary>
    public const uint ApplicationDevice = 0x11000001;

    /// <summary>The loader's path.</summary>
    public const uint ApplicationPath = 0x12000002;

    /// <summary>What the menu shows.</summary>
    public const uint Description = 0x12000004;

    /// <summary>Entries that are tried when this one fails.</summary>
    public const uint RecoverySequence = 0x14000008;

    /// <summary>Whether they are.</summary>
    public const uint RecoveryEnabled = 0x16000009;

    /// <summary>Whether the loader leaves the screen in text mode.</summary>
    public const uint GraphicsModeDisabled = 0x16000046;

    /// <summary>The device that Windows is on.</summary>
    public const uint OsDevice = 0x21000001;

    /// <summary>The folder of Windows.</summary>
    public const uint SystemRoot = 0x22000002;

    /// <summary>Boot manager: the default entry.</summary>
    public const uint DefaultEntry = 0x23000003;

    /// <summary>Boot manager: the menu.</summary>
    public const uint DisplayOrder = 0x24000001;

    /// <summary>Boot manager: seconds that the menu is shown.</summary>
    public const uint Timeout = 0x25000004;

    /// <summary>The boot manager's object.</summary>
    public static readonly Guid BootManager = new("9dea862c-5cdd-4e70-acc1-f32b344d4795");

    private static readonly Dictionary<Guid, string> Objects = new()
    {
        [BootManager] = "bootmgr",
        [new Guid("a5a30fa2-3d06-4e9f-b5f4-a01df9d1fcba")] = "fwbootmgr",
        [new Guid("b2721d73-1db4-4c62-bf78-c548a880142d")] = "memdiag",
        [new Guid("466f5a88-0af2-4f76-9038-095b170dc21c")] = "ntldr",
        [new Guid("0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9")] = "emssettings",
        [new Guid("4636856e-540f-4170-a130-a84776f4c654")] = "dbgsettings",
        [new Guid("5189b25c-5558-4bf2-bca4-289b11bd29e2")] = "badmemory",
        [new Guid("7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e")] = "globalsettings",
        [new Guid("6efb52bf-1766-41db-a6b3-0ee5eff72bd7")] = "bootloadersettings",
        [new Guid("1afa9c49-16ab-4a5c-901b-212802da9460")] = "resumeloadersettings",
        [new Guid("7ff607e0-4395-11db-b0de-0800200c9a66")] = "hypervisorsettings",
    };

    private static readonly Dictionary<uint, string> Library = new()
    {
        [ApplicationDevice] = "device", [ApplicationPath] = "path", [Description] = "description", [0x12000005] = "locale", [0x14000006] = "inherit",
        [0x15000007] = "truncatememory", [RecoverySequence] = "recoverysequence", [RecoveryEnabled] = "recoveryenabled", [0x1700000a] = "badmemorylist", [0x1600000b] = "badmemoryaccess",
        [0x16000010] = "bootdebug", [0x15000011] = "debugtype", [0x15000013] = "debugport", [0x15000014] = "baudrate", [0x16000020] = "bootems", [0x15000022] = "emsport",
        [0x15000023] = "emsbaudrate", [0x12000030] = "loadoptions", [0x16000040] = "advancedoptions", [0x16000041] = "optionsedit", [GraphicsModeDisabled] = "graphicsmodedisabled",
        [0x16000048] = "nointegritychecks", [0x16000049] = "testsigning", [0x1600004b] = "integrityservices", [0x16000050] = "extendedinput", [0x16000060] = "isolatedcontext",
        [0x15000065] = "displaymessage", [0x15000066] = "displaymessageoverride", [0x17000077] = "allowedinmemorysettings", [0x31000003] = "ramdisksdidevice", [0x32000004] = "ramdisksdipath",
    };

    private static readonly Dictionary<uint, string> Manager = new()
    {
        [DisplayOrder] = "displayorder", [0x24000002] = "bootsequence", [DefaultEntry] = "default", [Timeout] = "timeout", [0x26000005] = "resume", [0x23000006] = "resumeobject",
        [0x24000010] = "toolsdisplayorder", [0x26000020] = "displaybootmenu", [0x26000021] = "noerrordisplay", [0x21000022] = "bcddevice", [0x22000023] = "bcdfilepath",
    };

    private static readonly Dictionary<uint, string> Loader = new()
    {
        [OsDevice] = "osdevice", [SystemRoot] = "systemroot", [0x23000003] = "resumeobject", [0x26000010] = "detecthal", [0x22000011] = "kernel", [0x22000012] = "hal", [0x22000013] = "dbgtransport",
        [0x25000020] = "nx", [0x25000021] = "pae", [0x26000022] = "winpe", [0x26000025] = "lastknowngood", [0x26000030] = "nolowmem", [0x26000040] = "vga", [0x26000041] = "quietboot",
        [0x26000070] = "usefirmwarepcisettings", [0x25000080] = "safeboot", [0x26000081] = "safebootalternateshell", [0x26000090] = "bootlog", [0x26000091] = "sos", [0x260000a0] = "debug",
        [0x260000b0] = "ems", [0x250000c2] = "bootmenupolicy", [0x250000e0] = "bootstatuspolicy", [0x250000f0] = "hypervisorlaunchtype",
    };

    private static readonly Dictionary<uint, string> Resume = new()
    {
        [0x21000001] = "filedevice", [0x22000002] = "filepath", [0x26000003] = "customsettings", [0x26000004] = "pae", [0x21000005] = "associatedosdevice", [0x26000006] = "debugoptionenabled",
        [0x25000007] = "bootux", [0x25000008] = "bootmenupolicy",
    };

    /// <summary>bcdedit's short name of an object, or its id.</summary>
    public static string NameOf(Guid id) => Objects.TryGetValue(id, out var name) ? $"{{{name}}}" : id.ToString("b");

    /// <summary>bcdedit's name of an element, which depends on the object that has it; or its type.</summary>
    public static string NameOf(uint element, uint objectType)
    {
        var own = objectType switch { WindowsBootManager or 0x10100001 => Manager, WindowsLoader => Loader, WindowsResume => Resume, _ => Library };
        return own.TryGetValue(element, out var name) || Library.TryGetValue(element, out name) ? name : $"{element:x8}";
    }
}
