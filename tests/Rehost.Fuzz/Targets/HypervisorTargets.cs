using System.Collections.Immutable;
using System.Text;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seals;
using Rehost.Hypervisors.Kvm;
using Rehost.Hypervisors.Ovf;
using Rehost.Hypervisors.Tests.Ovf;
using Rehost.Hypervisors.Tests.XenServer;
using Rehost.Hypervisors.Vmware;
using Rehost.Hypervisors.Xen;
using Rehost.Hypervisors.Xen.Dumps;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;
using Rehost.Remote.Ssh;
using Rehost.Remote.Xapi;
using Rehost.Blocks;

namespace Rehost.Fuzz.Targets;

/// <summary>Descriptions of machines, and what hosts answer.</summary>
internal static class HypervisorTargets
{
    public static IEnumerable<FuzzTarget> All =>
    [
        Text("xl-cfg", XlSeeds, RunXl, ["XenConfig", "XenConfigParser", "XenDiskSpecificationParser", "XenNetworkSpecificationParser", "XenDeviceName", "XenSource"], "disk", "vif", "phy:", "file:", "tap:aio:", "format=qcow2,", "vdev=", "access=rw", "target=", "'''", "\"\"\"", "range(3)", "import os", "type=\"pvh\"", "bootloader=\"pygrub\"", "memory=", "vcpus=", ",,"),
        Text("xen-dumps", DumpSeeds, RunDump, ["XenDump", "Sxp", "XendListing", "XlListing", "XenStoreListing"], "(domain", "(device (vbd", "(uname phy:/x)", "((((", "))))", "\"domid\":", "\"c_info\":", "\"disks\":[{", "\"pdev_path\":", "vm = \"\"", " domain = \"\"", "/vm/", "= \"", "\\\""),
        Text("libvirt-xml", LibvirtSeeds, RunLibvirt, ["LibvirtDomainReader"], "<disk type='file' device='disk'>", "<source file='/x'/>", "<target dev='vda' bus='virtio'/>", "<memory unit='TiB'>", "<domain type='kvm'>", "<interface type='bridge'>", "<mac address='x'/>", "<os><type>hvm</type></os>"),
        Text("vmx", VmxSeeds, RunVmx, ["VmxFile", "VmxSource"], "scsi0:0.fileName = \"a.vmdk\"", "|FF", "|2", "|", ".present = \"TRUE\"", "ethernet0.", "sata0:0.", "nvme0:0.", "memSize"),
        Text("ovf", OvfSeeds, RunOvf, ["OvfReader", "OvfXmlReader", "OvfMachine"], "<Item>", "<rasd:ResourceType>17</rasd:ResourceType>", "ovf:capacity=\"9223372036854775807\"", "byte * 2^90", "ovf:/disk/vmdisk1", "ovf:chunkSize=\"1\"", "ovf:href=\"../x\"", "ovf:compression=\"gzip\""),
        Text("ovf-manifest", ManifestSeeds, run => OvfManifest.Parse(run.Bytes, "input"), ["OvfManifest"], "SHA1(", "SHA512(", ")= "),
        new("ova", OvaSeeds, RunOva) { Covers = ["OvfPackage", "OvfFiles"], Seal = ContainerSeals.Tar, IsElastic = false, Weight = 2, SmokeExecutions = 60 },
        Text("ova-xml", OvaXmlSeeds, run => Machine(run, OvaXml.Parse(run.Bytes, "input").Machine), ["OvaXml", "XmlRpcReader"], "<value>", "<struct>", "<array><data>", "<member><name>", "<i4>", "<boolean>2</boolean>", "OpaqueRef:NULL", "Ref:0", "virtual_size"),
        Text("xapi-xml", XapiXmlSeeds, run => Tolerate(() => XapiXml.Result(run.Bytes, "host")), ["XmlRpcReader", "XapiXml"], "<fault>", "<methodResponse>", "Status", "Failure", "ErrorDescription"),
        Text("xapi-json", XapiJsonSeeds, run => Tolerate(() => XapiJson.Result(run.Bytes, "host")), ["XapiJson"], "\"error\":", "\"result\":", "\"data\":[", "1e400"),
        Text("addresses", AddressSeeds, RunAddresses, ["SshAddress", "XapiAddress", "DeviceName", "InfDecoration", "XenServerRelease", "HostImageDirectory"], "root@", "[::1]", ":99999", "xen+ssh://", "xapi://", "%2f", "?uuid="),
    ];

    private static FuzzTarget Text(string name, Func<SeedRoom, IEnumerable<FuzzSeed>> seeds, Action<FuzzRun> run, string[] covers, params string[] words) => new(name, seeds, run) { Covers = [.. covers], IsText = true, Words = [.. words], Weight = 2 };

    /// <summary>A machine that was read can be written for every target.</summary>
    private static void Machine(FuzzRun run, VirtualMachine machine)
    {
        run.Note("disks", machine.Disks.Length);
        run.Note("adapters", machine.NetworkAdapters.Length);
        run.Demand(machine.MemoryBytes >= 0, "memory", $"{machine.MemoryBytes}");
        var json = ModelJson.Serialize(machine);
        run.Demand(ModelJson.Serialize(ModelJson.Deserialize<VirtualMachine>(json)) == json, "round trip", json);
        run.Attempt(() =>
        {
            var xml = LibvirtDomainWriter.Write(machine, new LibvirtDomainOptions());
            _ = LibvirtDomainReader.Read(Encoding.UTF8.GetBytes(xml), "written");
        });
    }

    private static IEnumerable<FuzzSeed> XlSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("xl", """
            # a comment
            name = "web01"
            type = "pvh"
            kernel = "/boot/vmlinuz"
            ramdisk = '/boot/initrd'
            extra = "console=hvc0 root=/dev/xvda1 ro"
            memory = 1024
            maxmem = 2048
            vcpus = 2
            disk = [ 'format=raw, vdev=xvda, access=rw, target=/srv/web.img', 'phy:/dev/vg/swap,xvdb,w',
                     "/srv/a.qcow2,qcow2,xvdc,rw", 'tap2:aio:/srv/b.img,sda1,r' ]
            vif = [ 'mac=00:16:3e:00:00:01,bridge=xenbr0', 'ip=10.0.0.1,script=vif-route', '' ]
            on_crash = 'restart'
            uuid = "564d1a2b-3c4d-5e6f-7081-92a3b4c5d6e7"
            serial = [ 'pty' ]
            """);
        yield return FuzzSeed.Of("xm", """
            import os
            def f(x): return x
            bootloader = "pygrub"
            name = 'db' + '01'
            memory = 512 * 2
            disk = [ "file:/srv/%s.img,sda1,w" % "x", "file:/srv/cd.iso,hdc:cdrom,r" ]
            vif = ['']
            builder = 'hvm'
            device_model = '/usr/lib/xen/bin/qemu-dm'
            vfb = [ 'type=vnc,vnclisten=0.0.0.0,vncpasswd=x' ]
            root = "/dev/sda1 ro"
            localtime = True
            text = '''three
            lines'''
            """);
    }

    // The three shapes of dumps: xl list -l, xm list --long, xenstore-ls.
    private static IEnumerable<FuzzSeed> DumpSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("xl", """[{"domid": 3, "config": {"c_info": {"type": "pv", "name": "web01", "uuid": "8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"}, "b_info": {"max_vcpus": 2, "max_memkb": 786432, "target_memkb": 524288, "bootloader": "pygrub", "type.pv": {"cmdline": "ro"}}, "disks": [{"pdev_path": "/dev/vg1/web01", "vdev": "xvda", "format": "raw", "readwrite": 1}], "nics": [{"mac": "00:16:3e:01:02:03", "bridge": "xenbr1"}], "on_crash": "preserve"}}]""");
        yield return FuzzSeed.Of("xend", """
            (domain (domid 0) (name Domain-0) (memory 2048))
            (domain (domid 7) (uuid 8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3) (vcpus 2) (name web01) (on_crash preserve) (bootloader /usr/bin/pygrub) (maxmem 768) (memory 512)
                (image (linux (kernel /var/run/xend/boot/boot_kernel.Xy) (args 'root=UUID=1 ro "quoted" ')))
                (device (vif (bridge xenbr1) (mac 00:16:3E:01:02:03)))
                (device (tap (bootable 1) (dev xvda:disk) (uname tap:qcow2:/srv/xen/web01.img) (mode w))))
            """);
        yield return FuzzSeed.Of("store", """
            tool = ""
             xenstored = ""
            vm = ""
             8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3 = ""
              name = "web01"
              uuid = "8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"
              image = ""
               ostype = "linux"
            local = ""
             domain = ""
              7 = ""
               vm = "/vm/8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"
               name = "web01"
               memory = ""
                target = "524288"
               device = ""
                vbd = ""
                 51712 = ""
                  backend = "/local/domain/0/backend/vbd/7/51712"
              0 = ""
               backend = ""
                vbd = ""
                 7 = ""
                  51712 = ""
                   params = "/dev/vg1/web01"
                   dev = "xvda"
                   mode = "w"
            """);
    }

    private static void RunDump(FuzzRun run) => run.Attempt(() => run.Note("disks", XenDump.Parse(run.Text, "input", machine: null).Disks.Length));

    private static void RunXl(FuzzRun run)
    {
        var text = run.Text;
        run.Attempt(() => Machine(run, XenSource.Describe(text, "/etc/xen/a.cfg", "/etc/xen", path => path.Length * 512L).Machine));
        run.Attempt(() => XenDiskSpecificationParser.Parse(text.Split('\n')[0], "input", new XenConfigPosition(1, 1)));
        run.Attempt(() => XenNetworkSpecificationParser.Parse(text.Split('\n')[^1], "input", new XenConfigPosition(1, 1)));
    }

    private static IEnumerable<FuzzSeed> LibvirtSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("kvm", """
            <?xml version="1.0"?>
            <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
              <name>web01</name>
              <uuid>564d1a2b-3c4d-5e6f-7081-92a3b4c5d6e7</uuid>
              <title>Web &amp; mail</title>
              <description>two
            lines</description>
              <memory unit='KiB'>1048576</memory>
              <currentMemory>1048576</currentMemory>
              <vcpu placement='static' current='1'>2</vcpu>
              <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/><loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader></os>
              <features><acpi/></features>
              <devices>
                <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/><target dev='vda' bus='virtio'/><readonly/></disk>
                <disk type='block' device='disk'><source dev='/dev/vg/b'/><target dev='sda' bus='scsi'/></disk>
                <disk type='network' device='disk'><source protocol='rbd' name='pool/x'/><target dev='vdb'/></disk>
                <disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>
                <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><model type='virtio'/></interface>
                <interface type='network'><source network='default'/></interface>
                <serial type='pty'/><console type='pty'/><video><model type='vga'/></video>
              </devices>
            </domain>
            """);
        yield return FuzzSeed.Of("xen", "<domain type='xen'><name>pv</name><memory>524288</memory><vcpu>1</vcpu><bootloader>/usr/bin/pygrub</bootloader><os><type>linux</type><kernel>/k</kernel><initrd>/i</initrd><cmdline>root=/dev/xvda1</cmdline></os><devices><disk type='file'><driver name='tap' type='aio'/><source file='/srv/x.img'/><target dev='xvda' bus='xen'/></disk></devices></domain>");
    }

    private static void RunLibvirt(FuzzRun run) => Machine(run, LibvirtDomainReader.Read(run.Bytes, "input", "/srv").Machine);

    private static IEnumerable<FuzzSeed> VmxSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("ordinary", """
            #!/usr/bin/vmware
            .encoding = "UTF-8"
            config.version = "8"
            displayName = "web |2201|22"
            annotation = "old|0Aserver"
            guestOS = "debian10-64"
            memSize = "2048"
            numvcpus = "2"
            firmware = "efi"
            uuid.bios = "56 4d 1a 2b 3c 4d 5e 6f-70 81 92 a3 b4 c5 d6 e7"
            scsi0.present = "TRUE"
            scsi0.virtualDev = "pvscsi"
            scsi0:1.present = "TRUE"
            scsi0:1.fileName = "web_1.vmdk"
            SCSI0:0.Present = "true"
            scsi0:0.filename = "/vmfs/volumes/52f-1a/web/web.vmdk"
            ide1:0.present = "TRUE"
            ide1:0.deviceType = "cdrom-image"
            ide1:0.fileName = "debian.iso"
            ethernet0.present = "TRUE"
            ethernet0.virtualDev = "vmxnet3"
            ethernet0.addressType = "static"
            ethernet0.address = "00:50:56:01:02:03"
            ethernet0.networkName = "VM Network"
            """);
    }

    private static void RunVmx(FuzzRun run)
    {
        _ = VmxFile.Parse(run.Bytes, "input");
        var directory = Path.Combine(Path.GetTempPath(), $"rehost-fuzz-{Environment.ProcessId}");
        Directory.CreateDirectory(directory);
        try
        {
            File.WriteAllBytes(Path.Combine(directory, "a.vmx"), run.Bytes);
            Machine(run, VmxSource.Open(Path.Combine(directory, "a.vmx")).Machine);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static IEnumerable<FuzzSeed> OvfSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("VMware", Descriptors.Vmware());
        yield return FuzzSeed.Of("VirtualBox 1", Descriptors.VirtualBox(isVersion2: false));
        yield return FuzzSeed.Of("VirtualBox 2", Descriptors.VirtualBox(isVersion2: true));
    }

    private static void RunOvf(FuzzRun run)
    {
        var findings = ImmutableArray.CreateBuilder<Diagnostic>();
        var (machine, disks) = OvfMachine.Describe(OvfReader.Read(run.Bytes, "input"), "input", findings);
        run.Note("ovf disks", disks.Length);
        run.Note("findings", findings.Count);
        Machine(run, machine);
    }

    private static IEnumerable<FuzzSeed> ManifestSeeds(SeedRoom _)
    {
        var hash = new string('a', 64);
        yield return FuzzSeed.Of("plain", $"SHA256(a.ovf)= {hash}\nSHA256(disk.vmdk)= {hash}\nSHA1 (b) = {hash[..40]}\n");
    }

    private static IEnumerable<FuzzSeed> OvaSeeds(SeedRoom room)
    {
        room.Shell("head -c 100k /dev/urandom > raw; truncate -s 1M raw; qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw disk.vmdk; gzip -nc raw > raw.gz");
        yield return new FuzzSeed("VMware", new OvaBuilder().Add("web.ovf", Descriptors.Vmware()).Manifest("web.mf").Add("disk.vmdk", room.Read("disk.vmdk")).End());
        yield return new FuzzSeed("VirtualBox", new OvaBuilder().Add("lab.ovf", Descriptors.VirtualBox(isVersion2: true)).Add("lab disk.raw", new byte[1 << 16]).Manifest("lab.mf").End());
    }

    private static void RunOva(FuzzRun run)
    {
        using var package = OvfPackage.OpenArchive(run.Device(), "a.ova", run.CancellationToken);
        Machine(run, package.Machine);
        run.Attempt(() =>
        {
            foreach (var disk in package.OpenDisks(run.CancellationToken).Take(4))
            {
                using (disk)
                {
                    DeviceUse.ReadSome(run, disk);
                }
            }
        });
        run.Note("findings", package.Findings.Length);
    }

    private static IEnumerable<FuzzSeed> OvaXmlSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("PV", new OvaXmlBuilder()
            .Machine("Ref:0", "web &amp; mail")
            .Disk("10", "Ref:0", "1", "2147483648")
            .Disk("4", "Ref:0", "0", "8589934592")
            .Add("VBD", "Ref:95", ("uuid", "c"), ("VM", "Ref:0"), ("VDI", "Ref:7"), ("userdevice", "3"), ("type", "CD"), ("empty", OvaXmlBuilder.Flag(false)))
            .Add("VDI", "Ref:7", ("SR", "Ref:3"), ("virtual_size", "5"))
            .Add("SR", "Ref:2", ("content_type", "user"))
            .Add("VIF", "Ref:20", ("uuid", "v0"), ("device", "0"), ("VM", "Ref:0"), ("MAC", "aa:bb:cc:00:00:01"), ("network", "Ref:30"))
            .Add("network", "Ref:30", ("name_label", "Pool-wide network associated with eth0"), ("bridge", "xenbr0")).Build());
        yield return FuzzSeed.Of("HVM", new OvaXmlBuilder { Brand = "XenServer", Version = "7.1.0" }.Machine("Ref:0", "w", ("HVM_boot_policy", "BIOS order"), ("domain_type", "hvm")).Disk("4", "Ref:0", "0", "8589934592").Build());
    }

    private static IEnumerable<FuzzSeed> XapiXmlSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("success", "<?xml version=\"1.0\"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member><member><name>Value</name><value><array><data><value>OpaqueRef:1</value><value><i4>4</i4></value></data></array></value></member></struct></value></param></params></methodResponse>");
        yield return FuzzSeed.Of("failure", "<methodResponse><params><param><value><struct><member><name>Status</name><value>Failure</value></member><member><name>ErrorDescription</name><value><array><data><value>SESSION_INVALID</value></data></array></value></member></struct></value></param></params></methodResponse>");
        yield return FuzzSeed.Of("fault", "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value></member><member><name>faultString</name><value>x</value></member></struct></value></fault></methodResponse>");
    }

    private static IEnumerable<FuzzSeed> XapiJsonSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("success", "{\"jsonrpc\":\"2.0\",\"result\":{\"OpaqueRef:1\":{\"name_label\":\"a\",\"memory\":12,\"on\":true,\"off\":false,\"nothing\":null,\"list\":[1.5,\"x\"]}},\"id\":1}");
        yield return FuzzSeed.Of("failure", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"SESSION_INVALID\",\"data\":[\"OpaqueRef:1\"]},\"id\":1}");
    }

    // An answer that says that something failed is for the caller, who makes a diagnostic of it.
    private static void Tolerate(Action action)
    {
        try
        {
            action();
        }
        catch (XapiFailure)
        {
        }
    }

    private static IEnumerable<FuzzSeed> AddressSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("addresses", "root@xen01\nxen+ssh://root@[fe80::1]:2222/etc/xen/a.cfg\nssh://a@b/c\nhttps://root@xenserver:443\nxapi://root@pool.example.org/web01\nxvda12\nNTamd64.10.0.3..17763\nxenserver-8.2\nvda\n");
    }

    private static void RunAddresses(FuzzRun run)
    {
        foreach (var line in run.Text.Split('\n').Take(50))
        {
            run.Attempt(() => SshAddress.Parse(line));
            run.Attempt(() => XapiAddress.Parse(line));
            run.Attempt(() => _ = Rehost.Inspection.Storage.DeviceName.Parse(line)?.DiskIndex);
            run.Attempt(() => Rehost.Inspection.Windows.Drivers.InfDecoration.Parse(line));
            run.Attempt(() => Rehost.Planning.XenServerRelease.Parse(line));
            run.Attempt(() => DirectoryUse(line));
        }
    }

    // No reference, however it looks, leads out of its directory.
    private static void DirectoryUse(string reference)
    {
        var directory = HostImageDirectory.Of("/usr/share/common-licenses/GPL-2");
        if (directory.Exists(reference))
        {
            using var file = directory.Open(reference).File;
        }
    }
}
