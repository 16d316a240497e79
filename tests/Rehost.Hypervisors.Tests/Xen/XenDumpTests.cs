using System.Runtime.CompilerServices;
using Rehost.Hypervisors.Xen;
using Rehost.Hypervisors.Xen.Dumps;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Xen;

/// <summary>
/// Guests whose configuration is lost, from what the toolstacks print of them (S1.2): libxl's JSON as the real xl writes it, xend's S-expressions, the whole xenstore. The samples of
/// xend and of the store have the shapes that XendConfig.py of Xen 4.1 and a running Xen 4.17 give.
/// </summary>
[Requirement("S1.2", "S2.1")]
public sealed class XenDumpTests
{
    private const string Xend = """
        (domain
            (domid 0) (name Domain-0) (memory 2048))
        (domain
            (domid 7)
            (on_crash preserve)
            (uuid 8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3)
            (bootloader_args )
            (vcpus 2)
            (name web01)
            (on_poweroff destroy)
            (on_reboot restart)
            (bootloader /usr/bin/pygrub)
            (maxmem 768)
            (memory 512)
            (shadow_memory 0)
            (features )
            (on_xend_start ignore)
            (start_time 1700000000.12)
            (cpu_time 12.5)
            (image
                (linux
                    (kernel /var/run/xend/boot/boot_kernel.Xy12_a)
                    (ramdisk /var/run/xend/boot/boot_ramdisk.Xy12_b)
                    (args 'root=UUID=1 ro "quoted" ')
                    (notes (HV_START_LOW 18446603336221196288) (FEATURES '!writable_page_tables|pae_pgdir_above_4gb'))))
            (status 2)
            (device (vif (bridge xenbr1) (mac 00:16:3E:01:02:03) (script /etc/xen/scripts/vif-bridge) (backend 0)))
            (device (vbd (uuid 1) (bootable 0) (dev xvdb:disk) (uname phy:/dev/vg1/data) (mode r) (backend 0)))
            (device (tap (uuid 2) (bootable 1) (dev xvda:disk) (uname tap:qcow2:/srv/xen/web01.img) (mode w) (backend 0)))
            (device (vbd (dev hdc:cdrom) (uname file:/srv/iso/d.iso) (mode r)))
            (device (vfb (vncunused 1) (type vnc) (keymap de)))
            (device (console (protocol vt100) (location 3))))
        """;

    private const string Store = """
        tool = ""
         xenstored = ""
        vm = ""
         8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3 = ""
          name = "web01"
          uuid = "8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"
          image = ""
           ostype = "linux"
           kernel = "/var/run/xen/pygrub/boot_kernel.aB3"
           ramdisk = "/var/run/xen/pygrub/boot_ramdisk.cD4"
           cmdline = "root=/dev/xvda1 ro say=\"x\""
          start_time = "1700000000.12"
        local = ""
         domain = ""
          0 = ""
           name = "Domain-0"
           backend = ""
            vbd = ""
             7 = ""
              51712 = ""
               frontend = "/local/domain/7/device/vbd/51712"
               params = "/dev/vg1/web01"
               type = "phy"
               dev = "xvda"
               mode = "w"
              51728 = ""
               params = "/srv/xen/data.img"
               type = "phy"
               mode = "r"
               dev = "xvdb"
            qdisk = ""
             7 = ""
              51744 = ""
               params = "qcow2:/srv/xen/more.qcow2"
               type = "qdisk"
               dev = "xvdc"
               mode = "w"
            vif = ""
             7 = ""
              0 = ""
               bridge = "xenbr1"
               mac = "00:16:3e:01:02:03"
               type = "vif"
          7 = ""
           vm = "/vm/8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"
           name = "web01"
           cpu = ""
            0 = ""
             availability = "online"
            1 = ""
             availability = "online"
           memory = ""
            static-max = "786432"
            target = "524288"
           device = ""
            vbd = ""
             51712 = ""
              backend = "/local/domain/0/backend/vbd/7/51712"
              device-type = "disk"
             51728 = ""
              backend = "/local/domain/0/backend/vbd/7/51728"
              device-type = "disk"
             51744 = ""
              backend = "/local/domain/0/backend/qdisk/7/51744"
              device-type = "disk"
            vif = ""
             0 = ""
              backend = "/local/domain/0/backend/vif/7/0"
              mac = "00:16:3e:01:02:03"
        """;

    [Fact]
    public void What_xend_printed_and_stored()
    {
        var guest = XenDump.Parse(Xend, "dump", null);
        Assert.Equal(("web01", 512L, 768L, 2, VirtualizationMode.Paravirtual), (guest.Name, guest.Memory, guest.MaximumMemory, guest.VirtualCpus, guest.Mode));
        Assert.Equal(Guid.Parse("8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"), guest.Uuid);

        // The kernel is a copy of the moment, taken out of the disk by pygrub, and so are its arguments.
        Assert.Equal(("pygrub", null, null, ""), (guest.Bootloader, guest.Kernel, guest.Ramdisk, guest.KernelArguments));
        Assert.Equal([("xvda", "/srv/xen/web01.img", "qcow2", false, false), ("xvdb", "/dev/vg1/data", "raw", true, false), ("hdc", "/srv/iso/d.iso", "raw", true, true)], guest.Disks.Select(disk => (disk.DeviceName, disk.Target, disk.Format, disk.IsReadOnly, disk.IsCdrom)).OrderBy(disk => disk.IsCdrom));
        Assert.Equal(("00:16:3e:01:02:03", "xenbr1"), (guest.NetworkAdapters[0].MacAddress, guest.NetworkAdapters[0].Bridge));
        Assert.Equal("preserve", guest.Events["on_crash"]);
        Assert.Single(guest.FrameBuffers);

        // One without a boot loader, of a kernel in dom0.
        var direct = XenDump.Parse("(domain (name a) (memory 64) (image (linux (kernel /boot/vmlinuz-xen) (ramdisk /boot/initrd) (root '/dev/sda1 ro') (args 3))) (device (vbd (uname phy:vg/a) (dev sda1) (mode w))))", "dump", "a");
        Assert.Equal((null, "/boot/vmlinuz-xen", "/boot/initrd", "root=/dev/sda1 ro 3"), (direct.Bootloader, direct.Kernel, direct.Ramdisk, direct.KernelArguments));
        Assert.Equal(VirtualizationMode.Hardware, XenDump.Parse("(domain (name h) (image (hvm (kernel /usr/lib/xen/boot/hvmloader) (boot c))))", "dump", null).Mode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_xenstore_ls_prints(bool isFlat)
    {
        var guest = XenDump.Parse(isFlat ? Flat(Store) : Store, "dump", "web01");
        Assert.Equal(("web01", 512L, 768L, 2, VirtualizationMode.Paravirtual), (guest.Name, guest.Memory, guest.MaximumMemory, guest.VirtualCpus, guest.Mode));
        Assert.Equal(Guid.Parse("8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"), guest.Uuid);
        Assert.Equal(("pygrub", null, ""), (guest.Bootloader, guest.Kernel, guest.KernelArguments));
        Assert.Equal([("xvda", "/dev/vg1/web01", "raw", false), ("xvdb", "/srv/xen/data.img", "raw", true), ("xvdc", "/srv/xen/more.qcow2", "qcow2", false)], guest.Disks.Select(disk => (disk.DeviceName, disk.Target, disk.Format, disk.IsReadOnly)));
        Assert.Equal(("00:16:3e:01:02:03", "xenbr1"), (guest.NetworkAdapters[0].MacAddress, guest.NetworkAdapters[0].Bridge));
        Assert.Contains(guest.Findings, finding => finding.Id == "XEN017");

        // A kernel of dom0's own is one.
        var direct = XenDump.Parse(Store.Replace("/var/run/xen/pygrub/boot_kernel.aB3", "/boot/vmlinuz-domu", StringComparison.Ordinal).Replace("/var/run/xen/pygrub/boot_ramdisk.cD4", "/boot/initrd-domu", StringComparison.Ordinal), "dump", null);
        Assert.Equal((null, "/boot/vmlinuz-domu", "root=/dev/xvda1 ro say=\"x\""), (direct.Bootloader, direct.Kernel, direct.KernelArguments));
    }

    /// <summary>libxl's own JSON, which the real xl writes of a configuration: it must say what the configuration said to us.</summary>
    [Theory]
    [InlineData("type='pv'\nbootloader='pygrub'\nvfb=['type=vnc']")]
    [InlineData("type='pv'\nkernel='/boot/k'\nramdisk='/boot/r'\ncmdline='root=/dev/xvda1 ro'\non_crash='preserve'")]
    [InlineData("type='pvh'\nkernel='/boot/k'\nroot='/dev/xvda1'\nextra='ro 3'")]
    [InlineData("type='hvm'\nbios='ovmf'\nfirmware='ovmf'")]
    public void What_xl_prints_is_what_the_configuration_says(string settings)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["web01.cfg"], $"""
            name = "web01"
            uuid = "8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"
            memory = 512
            maxmem = 768
            vcpus = 2
            disk = [ 'format=raw, vdev=xvda, access=rw, target=/srv/a, b.img', 'format=qcow2, vdev=xvdb, access=ro, target=/srv/c.img', 'vdev=hdc,devtype=cdrom,target=/srv/d.iso' ]
            vif = [ 'mac=00:16:3e:01:02:03,bridge=xenbr1' ]
            {settings}
            """);
        var json = Tool.MustRun(Path.GetFullPath("../../../build/fixtures/xl-dryrun.sh", Path.GetDirectoryName(ThisFile()) ?? "/"), scratch["web01.cfg"]);
        Assert.True(XenDump.Looks(json));
        var (printed, written) = (XenDump.Parse($"[{json}]", "dump", null), XenSource.ReadConfig(scratch["web01.cfg"]));
        Assert.Equal((written.Name, written.Uuid, written.Memory, written.MaximumMemory, written.VirtualCpus, written.Mode, written.Firmware), (printed.Name, printed.Uuid, printed.Memory, printed.MaximumMemory, printed.VirtualCpus, printed.Mode, printed.Firmware));
        Assert.Equal((written.Kernel, written.Ramdisk, written.KernelArguments, written.Bootloader), (printed.Kernel, printed.Ramdisk, printed.KernelArguments, printed.Bootloader));
        Assert.Equal(written.Disks.Select(Told).Order(), printed.Disks.Select(Told).Order());
        Assert.Equal(written.NetworkAdapters.Select(adapter => (adapter.MacAddress, adapter.Bridge)), printed.NetworkAdapters.Select(adapter => (adapter.MacAddress, adapter.Bridge)));
        Assert.Equal(written.Events.GetValueOrDefault("on_crash") ?? "destroy", printed.Events.GetValueOrDefault("on_crash") ?? "destroy");
        Assert.Equal(written.FrameBuffers.Length, printed.FrameBuffers.Length);
    }

    [Fact]
    public void A_dump_is_a_source_and_its_guest_is_named_where_there_are_several()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["a.img"], new byte[8192]);
        var two = $"(domain (name a) (memory 64) (device (vbd (uname file:{scratch["a.img"]}) (dev xvda:disk) (mode w))))\n(domain (name b) (memory 64))\n";
        File.WriteAllText(scratch["dump"], two);
        var machine = XenSource.Open(scratch["dump"], machine: "a").Machine;
        Assert.Equal(("a", 8192L, "pygrub"), (machine.Name, machine.Disks[0].LengthBytes, machine.ParavirtualBoot?.Bootloader));
        var refused = Refused(() => XenSource.Open(scratch["dump"]));
        Assert.Equal("XEN016", refused.Id);
        Assert.Contains("a, b", refused.Message, StringComparison.Ordinal);
        Assert.Equal("XEN016", Refused(() => XenSource.Open(scratch["dump"], machine: "c")).Id);
        Assert.Equal("XEN008", Refused(() => XenSource.Open(scratch["dump"], machine: "b")).Id);
    }

    [Theory]
    [InlineData("Xen saved domain, xl format\n \u0000 \r")]
    [InlineData("LinuxGuestRecord\u0000\u0001")]
    public void A_saved_guest_is_refused_by_name(string head)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["web01.save"], head + new string('x', 5000));
        Assert.Equal("XEN018", Refused(() => XenSource.Open(scratch["web01.save"])).Id);
    }

    [Theory]
    [InlineData("(domain (name a)", "XEN015")]
    [InlineData("(domain (name a)))", "XEN015")]
    [InlineData("(domain (memory 5))", "XEN015")]
    [InlineData("(domain (name 'a))", "XEN015")]
    [InlineData("[{\"config\":{}}]", "XEN015")]
    [InlineData("[{\"config\":", "XEN015")]
    [InlineData("[{\"domid\":0,\"config\":{}}]", "XEN016")]
    [InlineData("/local/domain/0/name = \"Domain-0\"", "XEN016")]
    [InlineData("/local/domain/3/name = \"a\"\n/local/domain/3/device/vbd/51712/backend = \"/local/domain/0/backend/vbd/3/51712\"", "XEN015")]
    public void What_is_not_whole_is_refused(string text, string id) => Assert.Equal(id, Refused(() => XenDump.Parse(text, "dump", null)).Id);

    [Fact]
    public void Any_text_is_survived()
        => Fuzz.Run(Fuzzing.Rounds(3000), [Xend, Store, Flat(Store), """[{"domid":5,"config":{"c_info":{"name":"a","type":"pv"},"b_info":{"max_memkb":1024},"disks":[{"pdev_path":"/a","vdev":"xvda","readwrite":1}],"nics":[{"mac":"00:16:3e:00:00:01"}]}}]"""], "()\"'\\ =/{}[]0\n", text =>
        {
            if (XenDump.Looks(text))
            {
                XenDump.Parse(text, "dump", null);
            }
        });

    private static (string, string, string, bool, bool) Told(XenDiskSpecification disk) => (disk.DeviceName, disk.Target, disk.Format, disk.IsReadOnly, disk.IsCdrom);

    private static Diagnostic Refused(Action action) => Assert.Throws<DiagnosticException>(action).Diagnostic;

    /// <summary>As xenstore-ls -f prints it: each line with its full path.</summary>
    private static string Flat(string tree)
    {
        var path = new List<string>();
        var lines = new List<string>();
        foreach (var line in tree.Split('\n'))
        {
            var depth = line.Length - line.TrimStart(' ').Length;
            path.RemoveRange(depth, path.Count - depth);
            path.Add(line[depth..line.IndexOf(" = ", StringComparison.Ordinal)]);
            lines.Add($"/{string.Join('/', path)}{line[line.IndexOf(" = ", StringComparison.Ordinal)..]}");
        }

        return string.Join('\n', lines);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
