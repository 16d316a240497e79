namespace Rehost.Volumes;

/// <summary>The partition types that Rehost acts on.</summary>
public static class PartitionTypes
{
    /// <summary>MBR: Linux file system.</summary>
    public const byte MbrLinux = 0x83;

    /// <summary>MBR: Linux swap.</summary>
    public const byte MbrLinuxSwap = 0x82;

    /// <summary>MBR: the entry that protects a GPT.</summary>
    public const byte MbrProtective = 0xee;

    /// <summary>GPT: where GRUB's core image goes on a BIOS machine.</summary>
    public static readonly Guid BiosBoot = new("21686148-6449-6e6f-744e-656564454649");

    /// <summary>GPT: EFI system partition.</summary>
    public static readonly Guid EfiSystem = new("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");

    /// <summary>GPT: Linux file system.</summary>
    public static readonly Guid LinuxData = new("0fc63daf-8483-4772-8e79-3d69d8477de4");

    /// <summary>GPT: Linux swap.</summary>
    public static readonly Guid LinuxSwap = new("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");

    /// <summary>The form of <see cref="Partition.TypeId"/> of an MBR type.</summary>
    public static string ToTypeId(byte type) => type.ToString("x2", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The form of <see cref="Partition.TypeId"/> of a GPT type.</summary>
    public static string ToTypeId(Guid type) => type.ToString("D");
}
