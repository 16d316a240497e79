using System.Collections.Immutable;
using System.Globalization;
using Rehost.Proof.Qemu;

namespace Rehost.Proof.Xen;

/// <summary>QEMU's arguments for the laboratory. No disk is modified, there is no network.</summary>
internal static class XenLabCommandLine
{
    /// <summary>
    /// Everything that TCG emulates, SVM among it so that Xen has PVH, but three features that are broken in QEMU 7.2: with SMAP a PV kernel dies at its first
    /// IRET, with XSAVE state leaks between domains and programs crash at random, with RDTSCP a PVH guest exits with a wrong instruction length.
    /// </summary>
    private const string Processor = "max,smap=off,xsave=off,rdtscp=off";

    private const int Dom0Mebibytes = 640;
    private const int SpareMebibytes = 512;
    private const int MostDisks = 24;
    private const long MostGuestMebibytes = 4096;

    /// <summary>What QEMU may take of this machine.</summary>
    public static ProcessLimits LimitsOf(ImmutableArray<XenLabGuest> guests, XenLabOptions options)
        => ProcessLimits.For((Dom0Mebibytes + MostGuestMebibytes + SpareMebibytes) << 20, 2, (options.Timeout + TimeSpan.FromMinutes(3)) * (guests.Length + 1));

    /// <summary>Builds the arguments.</summary>
    public static ImmutableArray<string> Build(XenLaboratory laboratory, ImmutableArray<XenLabGuest> guests, string job, string log, bool sandbox)
    {
        var disks = guests.SelectMany((guest, number) => guest.Disks.Select((disk, index) => (Serial: XenLabJob.Serial(number, index), disk.HostPath))).ToList();
        if (disks.Count > MostDisks)
        {
            throw XenLabDiagnostics.NotStartable.ToException($"the guests have {disks.Count} disks, the laboratory has room for {MostDisks}");
        }

        var memory = guests.Max(guest => guest.Source.Machine.MemoryBytes >> 20);
        if (memory > MostGuestMebibytes)
        {
            throw XenLabDiagnostics.NotStartable.ToException($"a guest wants {memory} MiB of memory, the laboratory has {MostGuestMebibytes}: lower memory= and maxmem= in a copy of its configuration");
        }

        // A comma inside of a module's arguments is written twice, as everywhere in QEMU; -initrd takes a list of modules with their arguments for multiboot.
        var dom0 = $"{QemuCommandLine.Escape(laboratory.Kernel)} console=hvc0 quiet panic=1 mitigations=off init=/usr/local/sbin/lab-init,{QemuCommandLine.Escape(laboratory.Initramfs)}";
        var arguments = ImmutableArray.CreateBuilder<string>();
        arguments.AddRange(
            "-name", "guest=rehost-xen-lab", "-nodefaults", "-no-user-config", "-nic", "none", "-no-reboot",
            "-accel", "tcg,thread=multi", "-cpu", Processor, "-smp", "2",
            "-m", string.Create(CultureInfo.InvariantCulture, $"{Dom0Mebibytes + memory + SpareMebibytes}M"),
            "-display", "none", "-monitor", "none",
            "-serial", $"file:{log}",
            "-chardev", "stdio,id=guest0,signal=off", "-serial", "chardev:guest0",
            "-kernel", laboratory.Hypervisor,
            "-append", string.Create(CultureInfo.InvariantCulture, $"console=com1 com1=115200,8n1 dom0_mem={Dom0Mebibytes}M,max:{Dom0Mebibytes}M loglvl=warning guest_loglvl=warning bootscrub=0"),
            "-initrd", dom0);
        if (sandbox)
        {
            arguments.AddRange("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
        }

        foreach (var (serial, path) in disks.Prepend(("job", job)).Prepend(("root", laboratory.Root)))
        {
            arguments.AddRange(
                "-drive", $"if=none,id={serial},format=raw,snapshot=on,file.locking=off,file={QemuCommandLine.Escape(path)}",
                "-device", $"virtio-blk-pci,drive={serial},serial={serial}");
        }

        return arguments.ToImmutable();
    }
}
