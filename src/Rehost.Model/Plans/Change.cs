using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Rehost.Model;

/// <summary>
/// One change to the guest, as data: printed before it is made, made only if the guest is as it was seen, and listed in the report. Closed: every kind has one
/// applier, which a test proves, because the compiler cannot (CS8509).
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(WriteFile), "writeFile")]
[JsonDerivedType(typeof(EditFile), "editFile")]
[JsonDerivedType(typeof(DeleteFile), "deleteFile")]
[JsonDerivedType(typeof(MakeLink), "makeLink")]
[JsonDerivedType(typeof(ExtendInitramfs), "extendInitramfs")]
[JsonDerivedType(typeof(RewriteInitramfs), "rewriteInitramfs")]
[JsonDerivedType(typeof(Relabel), "relabel")]
[JsonDerivedType(typeof(InstallPackage), "installPackage")]
[JsonDerivedType(typeof(PrepareFile), "prepareFile")]
[JsonDerivedType(typeof(WrapInPartition), "wrapInPartition")]
[JsonDerivedType(typeof(ShiftPartitions), "shiftPartitions")]
[JsonDerivedType(typeof(AddBiosBootPartition), "addBiosBootPartition")]
[JsonDerivedType(typeof(InstallBootloader), "installBootloader")]
[JsonDerivedType(typeof(SetRegistryValue), "setRegistryValue")]
[JsonDerivedType(typeof(RemoveRegistryValue), "removeRegistryValue")]
[JsonDerivedType(typeof(RemoveRegistryKey), "removeRegistryKey")]
[JsonDerivedType(typeof(CreateRegistryKey), "createRegistryKey")]
[JsonDerivedType(typeof(RedirectBootDevice), "redirectBootDevice")]
[JsonDerivedType(typeof(SetDefaultBootEntry), "setDefaultBootEntry")]
[JsonDerivedType(typeof(PlaceFile), "placeFile")]
[JsonDerivedType(typeof(DeleteDirectory), "deleteDirectory")]
[JsonDerivedType(typeof(SetNtfsGeometry), "setNtfsGeometry")]
[JsonDerivedType(typeof(AddHelperPartition), "addHelperPartition")]
[JsonDerivedType(typeof(CopyFile), "copyFile")]
[JsonDerivedType(typeof(UnpackUnifiedKernel), "unpackUnifiedKernel")]
[JsonDerivedType(typeof(MakeInitramfs), "makeInitramfs")]
public abstract record Change
{
    /// <summary>The step that asks for it.</summary>
    public required string StepId { get; init; }

    /// <summary>One sentence: why.</summary>
    public required string Reason { get; init; }

    /// <summary>Requirements that it fulfils: S1.33.</summary>
    public ImmutableArray<string> Requirements { get; init; } = [];

    /// <summary>Whether it writes into one of the guest's volumes; layouts and boot loaders stand beside them.</summary>
    [JsonIgnore]
    public bool IsInGuest => this is not (WrapInPartition or ShiftPartitions or AddBiosBootPartition or InstallBootloader or AddHelperPartition);

    /// <summary>What is changed, for a list: a guest path or a disk.</summary>
    [JsonIgnore]
    public abstract string Subject { get; }
}

/// <summary>Makes a file that is not there yet.</summary>
public sealed record WriteFile : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>Content, see <see cref="GuestText"/>.</summary>
    public required string Content { get; init; }

    /// <summary>Permission bits; the owner is root.</summary>
    public int Permissions { get; init; } = 0x1A4;

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Changes the content of a file, leaving its inode, owner, mode and attributes.</summary>
public sealed record EditFile : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>SHA-256 of the content that was seen.</summary>
    public required string BeforeSha256 { get; init; }

    /// <summary>New content, see <see cref="GuestText"/>.</summary>
    public required string Content { get; init; }

    /// <summary>Unified diff from the seen content to the new one.</summary>
    public required string Diff { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Removes a file or link.</summary>
public sealed record DeleteFile : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Makes a symbolic link; an existing file or link of that name is replaced.</summary>
public sealed record MakeLink : Change
{
    /// <summary>Guest path of the link.</summary>
    public required string Path { get; init; }

    /// <summary>Where it leads.</summary>
    public required string Target { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Puts an archive with drivers and a hook that loads them in front of an initramfs.</summary>
public sealed record ExtendInitramfs : Change
{
    /// <summary>Guest path of the initramfs.</summary>
    public required string Path { get; init; }

    /// <summary>SHA-256 of the initramfs that was seen.</summary>
    public required string BeforeSha256 { get; init; }

    /// <summary>Release of the kernel that it is for.</summary>
    public required string KernelVersion { get; init; }

    /// <summary>The program that made it, which decides the form of the hook.</summary>
    public required InitramfsGenerator Generator { get; init; }

    /// <summary>Directory of dracut's hooks, or of systemd's units, inside the archive; null for others.</summary>
    public string? HooksPath { get; init; }

    /// <summary>Guest paths of the modules, in the order in which they are loaded.</summary>
    public required ImmutableArray<string> Modules { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Puts drivers into an initramfs whose own start script must be edited to load them: nash's literal list of insmod, and shell scripts without hooks.</summary>
public sealed record RewriteInitramfs : Change
{
    /// <summary>Guest path of the initramfs.</summary>
    public required string Path { get; init; }

    /// <summary>SHA-256 of the initramfs that was seen.</summary>
    public required string BeforeSha256 { get; init; }

    /// <summary>Release of the kernel that it is for.</summary>
    public required string KernelVersion { get; init; }

    /// <summary>The program that made it.</summary>
    public required InitramfsGenerator Generator { get; init; }

    /// <summary>Path of the script inside the archive, without leading slash.</summary>
    public required string ScriptPath { get; init; }

    /// <summary>SHA-256 of the script that was seen.</summary>
    public required string ScriptBeforeSha256 { get; init; }

    /// <summary>New content of the script, see <see cref="GuestText"/>.</summary>
    public required string ScriptContent { get; init; }

    /// <summary>Unified diff of the script.</summary>
    public required string Diff { get; init; }

    /// <summary>Directory inside the archive for the modules: lib for nash.</summary>
    public required string ModulesDirectory { get; init; }

    /// <summary>Guest paths of the modules, in the order in which they are loaded.</summary>
    public required ImmutableArray<string> Modules { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Gives a file that the plan makes the SELinux label that the guest's own policy has for its path.</summary>
public sealed record Relabel : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>Guest path of the policy's file_contexts.</summary>
    public required string FileContextsPath { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Puts a disk without partition table into a partition: the target grows, the content moves as bytes, nothing is shrunk.</summary>
public sealed record WrapInPartition : Change
{
    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>First byte of the partition on the target.</summary>
    public required long PartitionOffset { get; init; }

    /// <summary>Bytes of the target disk.</summary>
    public required long TargetLength { get; init; }

    /// <summary>MBR disk signature, 8 hex digits.</summary>
    public required string DiskSignature { get; init; }

    /// <inheritdoc/>
    public override string Subject => DiskId;
}

/// <summary>Moves all partitions of an MBR disk up by a fixed distance, so that a boot loader fits before them.</summary>
public sealed record ShiftPartitions : Change
{
    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>Bytes by which everything behind the first sector's gap moves.</summary>
    public required long ShiftBytes { get; init; }

    /// <summary>Bytes of the target disk.</summary>
    public required long TargetLength { get; init; }

    /// <inheritdoc/>
    public override string Subject => DiskId;
}

/// <summary>Adds a BIOS boot partition in the unused space before the first partition of a GPT disk.</summary>
public sealed record AddBiosBootPartition : Change
{
    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>First byte.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <inheritdoc/>
    public override string Subject => DiskId;
}

/// <summary>Writes GRUB 2 for BIOS to a disk: boot.img into its first sector, core.img behind it or into a BIOS boot partition.</summary>
public sealed record InstallBootloader : Change
{
    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>UUID of the file system that holds the configuration.</summary>
    public required string FileSystemUuid { get; init; }

    /// <summary>Directory of the configuration, seen from that file system: /boot/grub.</summary>
    public required string Prefix { get; init; }

    /// <summary>Configuration file to load, seen from that file system: /boot/grub/grub.cfg.</summary>
    public required string ConfigurationPath { get; init; }

    /// <summary>Language of that file.</summary>
    public required BootConfigurationKind ConfigurationKind { get; init; }

    /// <summary>Where GRUB's files come from: a guest path, or null for this machine's.</summary>
    public string? GuestModulesPath { get; init; }

    /// <summary>Serial console to use beside the screen, or null.</summary>
    public string? SerialConsole { get; init; }

    /// <summary>Where core.img goes: null for the gap behind the first sector, else the offset of a BIOS boot partition on the target.</summary>
    public long? CoreOffset { get; init; }

    /// <summary>Bytes that core.img may take.</summary>
    public required long CoreCapacity { get; init; }

    /// <inheritdoc/>
    public override string Subject => DiskId;
}
