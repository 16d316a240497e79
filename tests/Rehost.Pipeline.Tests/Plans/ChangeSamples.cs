using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Pipeline.Tests.Plans;

/// <summary>One change of each kind.</summary>
internal static class ChangeSamples
{
    private const string Step = "a-step";
    private const string Why = "Because.";
    private static readonly string s_hash = new('a', 64);

    public static ImmutableArray<Change> All { get; } =
    [
        new WriteFile { StepId = Step, Reason = Why, Requirements = ["S1.1"], Path = "/etc/new", Content = "text\n", Permissions = 0x180 },
        new EditFile { StepId = Step, Reason = Why, Path = "/etc/fstab", BeforeSha256 = s_hash, Content = "caf\uefe9\n", Diff = "" },
        new DeleteFile { StepId = Step, Reason = Why, Path = "/etc/old" },
        new MakeLink { StepId = Step, Reason = Why, Path = "/etc/link", Target = "../somewhere" },
        new ExtendInitramfs { StepId = Step, Reason = Why, Path = "/boot/initrd.img", BeforeSha256 = s_hash, KernelVersion = "6.1", Generator = InitramfsGenerator.Dracut, HooksPath = "lib/dracut/hooks", Modules = ["/lib/modules/6.1/a.ko"] },
        new RewriteInitramfs { StepId = Step, Reason = Why, Path = "/boot/initrd", BeforeSha256 = s_hash, KernelVersion = "2.6", Generator = InitramfsGenerator.Nash, ScriptPath = "init", ScriptBeforeSha256 = s_hash, ScriptContent = "echo \u0001\n", Diff = "", ModulesDirectory = "lib", Modules = [] },
        new MakeInitramfs { StepId = Step, Reason = Why, Path = "/boot/initrd", BeforeSha256 = s_hash, KernelVersion = "6.1", Is64Bit = true, Modules = ["/lib/modules/6.1/a.ko"], RootDevice = "UUID=u", RootType = "ext4", InitPrograms = ["/sbin/init"] },
        new Relabel { StepId = Step, Reason = Why, Path = "/etc/new", FileContextsPath = "/etc/selinux/targeted/contexts/files/file_contexts" },
        new InstallPackage { StepId = Step, Reason = Why, Package = new SuppliedPackage { FileName = "kernel.rpm", Format = "rpm", Sha256 = s_hash, Name = "kernel", Version = "1", Architecture = "x86_64" } },
        new PrepareFile { StepId = Step, Reason = Why, Path = "/boot/initramfs.img" },
        new WrapInPartition { StepId = Step, Reason = Why, DiskId = "xvda", PartitionOffset = 1 << 20, TargetLength = 1 << 24, DiskSignature = "0badcafe" },
        new ShiftPartitions { StepId = Step, Reason = Why, DiskId = "xvda", ShiftBytes = 1 << 20, TargetLength = 1 << 24 },
        new AddBiosBootPartition { StepId = Step, Reason = Why, DiskId = "xvda", Offset = 17408, LengthBytes = 1 << 19 },
        new InstallBootloader { StepId = Step, Reason = Why, DiskId = "xvda", FileSystemUuid = "u", Prefix = "/boot/grub", ConfigurationPath = "/boot/grub/menu.lst", ConfigurationKind = BootConfigurationKind.GrubLegacy, CoreCapacity = 1 << 20, GuestModulesPath = "/usr/lib/grub/i386-pc" },
        new SetRegistryValue { StepId = Step, Reason = Why, HivePath = "/Windows/System32/config/SYSTEM", Key = @"ControlSet001\Services\viostor", Name = "Start", After = RegistryData.OfNumber(0) },
        new RemoveRegistryValue { StepId = Step, Reason = Why, HivePath = "/Windows/System32/config/SYSTEM", Key = "A", Name = "B", Before = RegistryData.OfNumber(1) },
        new RemoveRegistryKey { StepId = Step, Reason = Why, HivePath = "/Windows/System32/config/SYSTEM", Key = "A", BeforeSha256 = s_hash },
        new CreateRegistryKey { StepId = Step, Reason = Why, HivePath = "/Windows/System32/config/SYSTEM", Key = "A" },
        new RedirectBootDevice { StepId = Step, Reason = Why, StorePath = "/Boot/BCD", ObjectId = "{x}", ElementType = 0x11000001, Before = "partition", DiskTableId = "0badcafe", PartitionId = "1048576" },
        new SetDefaultBootEntry { StepId = Step, Reason = Why, StorePath = "/Boot/BCD", EntryId = "{x}" },
        new PlaceFile { StepId = Step, Reason = Why, Path = "/Windows/System32/drivers/viostor.sys", From = "viostor/w10/amd64/viostor.sys", Sha256 = s_hash, LengthBytes = 5 },
        new DeleteDirectory { StepId = Step, Reason = Why, Path = "/gone" },
        new SetNtfsGeometry { StepId = Step, Reason = Why, DiskId = "xvda", VolumeOffset = 32256, VolumeLength = 1 << 20, Before = new NtfsGeometry(63, 16, 63), After = new NtfsGeometry(63, 255, 63) },
        new AddHelperPartition
        {
            StepId = Step, Reason = Why, DiskId = "xvda", Offset = 1 << 24, LengthBytes = 1 << 25, TargetLength = 1 << 26, IsEfiSystem = true, Label = AddHelperPartition.EfiLabel, VolumeId = "1A2B-3C4D",
            Files =
            [
                new HelperFile { Path = "/grub.cfg", Content = "set timeout=1\n" },
                new HelperFile { Path = "/vmlinuz", CopyOf = "/boot/vmlinuz", Sha256 = s_hash },
                new HelperFile { Path = "/drivers.img", Drivers = new HelperArchive { KernelVersion = "6.1", Generator = InitramfsGenerator.InitramfsTools, Modules = ["/lib/modules/6.1/a.ko"], Files = [new ArchiveText("a", "b")] } },
                new HelperFile { Path = "/EFI/BOOT/BOOTX64.EFI", Loader = new EfiLoader { FileSystemUuid = "u", Prefix = "/", ConfigurationPath = "/grub.cfg" } },
            ],
        },
        new CopyFile { StepId = Step, Reason = Why, Path = "/b", From = "/a" },
        new UnpackUnifiedKernel { StepId = Step, Reason = Why, ImagePath = "/efi/linux.efi", Image = new UnifiedImage { KernelOffset = 1, KernelLength = 2 }, KernelPath = "/boot/vmlinuz", InitramfsPath = "/boot/initrd", Modules = [] },
    ];
}
