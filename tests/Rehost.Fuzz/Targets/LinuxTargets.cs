using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Conversion.Selinux;
using Rehost.FileSystems;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seeds;
using Rehost.Inspection;
using Rehost.Inspection.Linux;
using Rehost.Inspection.Linux.Boot;
using Rehost.Inspection.Linux.Kernels;
using Rehost.Inspection.Linux.Network;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Planning;
using Rehost.Planning.Tests;

namespace Rehost.Fuzz.Targets;

/// <summary>Configuration files of Linux guests: each parser alone, then a whole guest that is inspected and planned for every target.</summary>
internal static class LinuxTargets
{
    private static readonly Dictionary<string, string> Environment = new(StringComparer.Ordinal) { ["kernelopts"] = "root=/dev/sda1 ro", ["saved_entry"] = "0", ["default"] = "0" };
    private static readonly ImmutableArray<TargetCapabilities> Capabilities = [TargetCapabilities.Kvm, TargetCapabilities.XenPv, TargetCapabilities.XenPvh, TargetCapabilities.XenHvm, TargetCapabilities.Vmware, TargetCapabilities.XenServerPv];

    public static IEnumerable<FuzzTarget> All =>
    [
        Text("fstab", "/etc/fstab", run => run.Exhaust(Fstab.Parse(run.Text)), ["Fstab"], "UUID=", "LABEL=", "/dev/sda1", "\\040", "subvol=@", "defaults", "_netdev"),
        Text("grub.cfg", "/boot/grub/grub.cfg", run => Menu(run, Grub2Configuration.Parse(run.Text, Environment, out _)), ["Grub2Configuration"], "menuentry 'x' {", "submenu \"y\" {", "}", "linux /vmlinuz root=$root", "initrd /i", "set default=\"${saved_entry}\"", "if [ x ]; then", "fi", "blscfg", "source", "$'\\n'", "\\\n", "function f {"),
        Text("grubenv", "/boot/grub/grubenv", run => run.Note("values", Grub2Configuration.ParseEnvironment(run.Text).Count), [], "# GRUB Environment Block", "saved_entry=", "####", "\\\\"),
        Text("menu.lst", "/boot/grub/menu.lst", run => Menu(run, GrubLegacyConfiguration.Parse(run.Text)), ["GrubLegacyConfiguration"], "title x", "kernel (hd0,0)/vmlinuz ro", "module /initrd", "default saved", "savedefault", "root (hd0,99999999999)"),
        Text("bls", "/boot/loader/entries/a.conf", run => LoaderEntry.Parse("a", run.Text, Environment), ["LoaderEntry"], "options $kernelopts", "linux /a", "efi /b", "initrd", "version"),
        Text("extlinux", "/boot/extlinux/extlinux.conf", run => Menu(run, ExtlinuxConfiguration.Parse(run.Text, "/boot/extlinux")), ["ExtlinuxConfiguration"], "LABEL", "DEFAULT", "ONTIMEOUT", "INCLUDE", "MENU LABEL ^x", "APPEND initrd=../i,../j", "KERNEL ../../x", "FDT"),
        Text("lilo", "/etc/lilo.conf", run => Menu(run, LiloConfiguration.Parse(run.Text)), ["LiloConfiguration"], "image=", "label=", "root=", "append=\"", "initrd=", "default=", "other="),
        Text("ifcfg", "/etc/sysconfig/network-scripts/ifcfg-eth0", RunIfcfg, ["IfcfgFile", "ShellAssignments"], "DEVICE=", "IPADDR0=", "PREFIX=", "NETMASK=", "HWADDR=", "BOOTPROTO='static'", "IPADDR_1=", "$(x)", "\\"),
        Text("interfaces", "/etc/network/interfaces", run => run.Exhaust(InterfacesFile.Parse(run.Text, "/etc/network/interfaces", new List<string>())), ["InterfacesFile"], "iface eth0 inet static", "auto", "source", "mapping", "hwaddress ether", "address", "netmask"),
        Text("netplan", "/etc/netplan/a.yaml", run => run.Exhaust(NetplanFile.Parse(run.Text, "/etc/netplan/a.yaml")), ["NetplanFile"], "network:", "  ethernets:", "    eth0: {dhcp4: true}", "      - 10.0.0.1/24", "&a", "*a", "<<:", "|", ">", "? ", "match:", "macaddress:"),
        new("wicked", WickedSeeds, run => run.Exhaust(WickedFile.Parse(run.Text, "/etc/wicked/ifconfig/a.xml", out _)))
        {
            Covers = ["WickedFile"],
            IsText = true,
            Words = ["<interface>", "<name>eth0</name>", "<ipv4:static>", "<address>", "<local>192.0.2.10/24</local>", "<ethernet>", "</interface>", "<!--", "<![CDATA[", "&#0;", "<!DOCTYPE x ["],
        },
        Text("networkd", "/etc/systemd/network/a.network", run => NetworkFiles.ParseNetworkd(run.Text, "/a"), ["NetworkFiles", "IniFile"], "[Match]", "[Network]", "Address=", "MACAddress=", "Name=eth*"),
        Text("keyfile", "/etc/NetworkManager/system-connections/a", run => NetworkFiles.ParseKeyfile(run.Text, "/a"), ["NetworkFiles"], "[connection]", "[ipv4]", "address1=", "mac-address=", "interface-name="),
        Text("netctl", "/etc/netctl/a", RunOtherNetwork, ["OtherNetworkFiles"], "config_eth0=(", "config_eth0=\"", "Interface=", "Address=('", "eth0=\"dhcp\"", "INTERFACES=("),
        Text("persistent-names", "/etc/udev/rules.d/70-persistent-net.rules", RunNames, ["PersistentNames"], "ATTR{address}==\"", "NAME=\"", "SYSFS{address}=", "[Link]", "Name=", "MACAddress="),
        Text("inittab", "/etc/inittab", RunTerminals, ["LoginTerminals", "GuestLines"], "1:2345:respawn:/sbin/getty 38400 tty1", "xvc0", "ttyS0", "start on", "exec /sbin/getty", "tty[1-6]", "tty[6-1]"),
        Text("modules.dep", "/lib/modules/6.1/modules.dep", run => RunModules(run), ["KernelModules"], "kernel/drivers/block/virtio_blk.ko:", "CONFIG_VIRTIO_BLK=m", ".ko.zst", ": "),
        Text("file_contexts", "/etc/selinux/targeted/contexts/files/file_contexts", RunContexts, ["FileContexts"], "/usr(/.*)?", "(/.*)?", "((((a+)+)+)+)$", "--", "-d", "<<none>>", "[", "\\", "(?<x>", "(?:", "a{1000000000}", "(a|a)*b"),
        Text("init-script", "/etc/init.d/x", RunServices, ["PackageServices"], "# chkconfig: 2345 10 90", "### BEGIN INIT INFO", "# Default-Start: 2 3", "WantedBy=", "[Install]"),
        new("linux-guest", _ => GuestSeeds.Linux, RunGuest)
        {
            Covers = ["BootConfigurationReader", "KernelReader", "DistributionReader", "OperatingSystemReader", "NetworkReader", "HypervisorToolReader", "LoginTerminals", "EfiProgramReader", "OtherBootLoaderReader", "GuestFileReader", "LinuxInspector", "VolumeReader", "Planner", "Lines"],
            IsText = true,
            Words = ["=== /etc/fstab", "=== /boot/grub/grub.cfg", "=== /etc/inittab", "=== /etc/crypttab", "=== /etc/mdadm.conf", "root=/dev/xvda1", "console=hvc0", "/dev/sda1", "UUID=11111111-2222-3333-4444-555555555555"],
            Weight = 16,
            SmokeExecutions = 60,
        },
        new("guest-disk", GuestSeeds.Disks, RunDisk) { Covers = ["GuestInspector", "GuestStorage", "GuestVolumes", "VolumeReader"], IsElastic = false, Weight = 8, SmokeExecutions = 15, AllocationBudget = 2L << 30 },
    ];

    private static FuzzTarget Text(string name, string path, Action<FuzzRun> run, string[] covers, params string[] words)
        => new(name, _ => GuestSeeds.Files.Where(file => GuestSeeds.IsLike(file.Path, path)).Select(file => FuzzSeed.Of(file.Path, file.Text)), run) { Covers = [.. covers], IsText = true, Words = [.. words] };

    private static IEnumerable<FuzzSeed> WickedSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("static", """
            <!-- by hand -->
            <interface origin="static">
              <name>eth0</name>
              <control><mode>boot</mode></control>
              <ethernet><address>00:16:3e:5a:10:01</address></ethernet>
              <ipv4:static><address><local>192.0.2.10/24</local></address><route><nexthop><gateway>192.0.2.1</gateway></nexthop></route></ipv4:static>
            </interface>
            <interface><name>br0</name><bridge><ports><port><device>eth1</device></port></ports></bridge><ipv4:dhcp><enabled>true</enabled></ipv4:dhcp></interface>
            """);
    }

    private static void Menu(FuzzRun run, BootMenu menu)
    {
        run.Note("entries", menu.Entries.Count);
        run.Demand(menu.Entries.Count == 0 || (menu.DefaultIndex >= -1 && menu.DefaultIndex < menu.Entries.Count), "default", $"{menu.DefaultIndex} of {menu.Entries.Count}");
    }

    private static void RunIfcfg(FuzzRun run)
    {
        run.Attempt(() => run.Note("addresses", IfcfgFile.Parse(run.Text, "/etc/sysconfig/network-scripts/ifcfg-eth0").Addresses.Count));
        run.Attempt(() => run.Note("values", ShellAssignments.Parse(run.Text).Count));
    }

    private static void RunOtherNetwork(FuzzRun run)
    {
        run.Attempt(() => OtherNetworkFiles.ParseNetctl(run.Text, "/a"));
        run.Attempt(() => run.Exhaust(OtherNetworkFiles.ParseNetifrc(run.Text, "/a")));
        run.Attempt(() => run.Exhaust(OtherNetworkFiles.ParseOldArch(run.Text, "/a")));
    }

    private static void RunNames(FuzzRun run)
    {
        run.Attempt(() => run.Exhaust(PersistentNames.FromRules(run.Text)));
        run.Attempt(() => PersistentNames.FromLinkFile(run.Text));
        run.Attempt(() => run.Exhaust(PersistentNames.FromTable(run.Text)));
    }

    private static void RunTerminals(FuzzRun run)
    {
        run.Attempt(() => run.Exhaust(LoginTerminals.FromInittab(run.Text)));
        run.Attempt(() => run.Exhaust(LoginTerminals.FromUpstartJob(run.Text)));
        run.Attempt(() => LoginTerminals.FromUnitName(run.Text));
        run.Attempt(() => LoginTerminals.FromCommand(run.Text));
        run.Attempt(() => run.Exhaust(GuestLines.Joined(run.Text)));
    }

    private static void RunModules(FuzzRun run)
    {
        var parts = run.Text.Split("---\n");
        var modules = KernelModules.Parse("/lib/modules/6.1", parts[0], parts.ElementAtOrDefault(1) ?? "", parts.ElementAtOrDefault(2) ?? "");
        run.Note("drivers", modules.Drivers(new HashSet<string>()).Length);
    }

    private static void RunContexts(FuzzRun run)
    {
        var contexts = new FileContexts();
        contexts.AddLines(run.Text);
        contexts.AddSubstitutions(run.Text);
        foreach (var path in (string[])["/", "/etc/fstab", "/usr/lib64/a/b", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "/home/x"])
        {
            run.Attempt(() => contexts.LabelOf(path, NodeKind.File));
            run.Attempt(() => contexts.LabelOf(path, NodeKind.Directory));
        }
    }

    private static void RunServices(FuzzRun run)
    {
        foreach (var path in (string[])["/etc/init.d/x", "/etc/rc.d/init.d/x", "/usr/lib/systemd/system/x.service", "/etc/init/x.conf"])
        {
            run.Attempt(() => Rehost.Conversion.Packages.PackageServices.Read(path, run.Bytes));
        }
    }

    /// <summary>A whole disk: volumes, file system, facts and plan, as the product does it.</summary>
    private static void RunDisk(FuzzRun run)
    {
        using var disk = new OverlayDevice(run.Device(), OverlayStore.InMemory());
        var machine = new VirtualMachine
        {
            Name = "guest",
            Hypervisor = Hypervisor.Xen,
            Mode = VirtualizationMode.Paravirtual,
            Disks = [new VirtualDisk { Id = "xvda", DeviceName = "xvda", LengthBytes = disk.Length }],
            NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:00:00:01" }],
        };
        using var guest = GuestInspector.Open(machine, [disk], Planner.Reads, run.CancellationToken);
        run.Note("kernels", guest.Facts.Kernels.Length);
        run.Attempt(() => run.Note("plan", Planner.Plan(guest.Facts, TargetCapabilities.Kvm, new ConversionOptions()).Steps.Length));
    }

    private static void RunGuest(FuzzRun run)
    {
        var guest = GuestSeeds.Build(run.Text);
        var reader = guest.Reader;
        var facts = SampleFacts.DebianPv();
        run.Attempt(() =>
        {
            var boot = new BootConfigurationReader(reader);
            var configurations = boot.Read();
            var entries = boot.Follow(configurations);
            var (kernels, releases) = new KernelReader(reader, entries, run.CancellationToken).Read();
            run.Note("kernels", kernels.Length);
            facts = facts with
            {
                Kernels = kernels.IsEmpty ? facts.Kernels : kernels,
                BootConfigurations = [.. configurations.Select((configuration, index) => LinuxInspector.ToFacts(configuration, index, entries, releases))],
            };
        });
        run.Attempt(() => facts = facts with { OperatingSystem = OperatingSystemReader.Read(reader) });
        run.Attempt(() => facts = facts with { NetworkInterfaces = NetworkReader.Read(reader, facts.Machine) });
        run.Attempt(() => facts = facts with { HypervisorTools = HypervisorToolReader.Read(reader), LoginTerminals = [.. LoginTerminals.Read(reader)], OtherBootLoaders = [.. OtherBootLoaderReader.Read(reader)], EfiPrograms = [.. EfiProgramReader.Read(reader)] });
        run.Attempt(() => facts = facts with { Files = GuestFileReader.Read(reader, [.. Planner.Reads.Where(pattern => pattern.StartsWith('/'))], run.CancellationToken) });
        var json = ModelJson.Serialize(facts);
        run.Demand(ModelJson.Serialize(ModelJson.Deserialize<GuestFacts>(json)) == json, "round trip of facts");
        var target = Capabilities[(int)((uint)run.Length % Capabilities.Length)];
        run.Attempt(() =>
        {
            var plan = Planner.Plan(facts, target, new ConversionOptions());
            var text = ModelJson.Serialize(plan);
            run.Note("plan", text.Length);
            run.Demand(ModelJson.Serialize(Planner.Plan(facts, target, new ConversionOptions())) == text, "the same facts give the same plan");
            run.Demand(ModelJson.Serialize(ModelJson.Deserialize<ConversionPlan>(text)) == text, "round trip of a plan");
        });
    }
}
