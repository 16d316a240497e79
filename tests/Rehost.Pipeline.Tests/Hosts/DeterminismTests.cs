using System.Text;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Pipeline.Tests.Hostile;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hosts;

/// <summary>The same source, options and version give the same bytes: on another day, in another place, in Turkey, on one processor or on eight.</summary>
public sealed class DeterminismTests : IDisposable
{
    private static readonly string[] Usual = ["env", "TZ=UTC", "LC_ALL=C.UTF-8"];

    private static readonly string[][] Elsewhere =
    [
        ["env", "TZ=Asia/Kathmandu", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "DOTNET_PROCESSOR_COUNT=1", "taskset", "-c", "0"],
        ["env", "-C", "/", "-u", "HOME", "TZ=America/St_Johns", "LANG=ar_EG.UTF-8", "LC_ALL=de_DE.UTF-8", "DOTNET_PROCESSOR_COUNT=8", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=0", "DOTNET_SYSTEM_GLOBALIZATION_PREDEFINED_CULTURES_ONLY=false"],
    ];

    private readonly ScratchDirectory _scratch = new();

    public static TheoryData<string, string> Targets => new()
    {
        { "kvm", "--disk-format qcow2" },
        { "kvm", "--disk-format qcow2 --compress zstd --clone --name copy" },
        { "kvm", "--disk-format raw --guest-changes none" },
        { "xen", "--disk-format raw" },
        { "xenserver", "" },
        { "vmware", "" },
        { "openstack", "" },
    };

    /// <summary>Each run writes to the same path, because descriptions for libvirt and Xen must name their disks by full path; its result is moved away and compared whole.</summary>
    [Theory]
    [MemberData(nameof(Targets))]
    public void Two_runs_write_the_same_bytes(string target, string options)
    {
        var source = MakeGuest();
        string[] arguments = [source, "--to", target, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        var first = Run(Usual, arguments, "first");
        Assert.Equal(first, Run(Elsewhere[(target.Length + options.Length) % 2], arguments, "again"));
        AssertSame(_scratch["first"], _scratch["again"]);
    }

    [Fact]
    public void From_another_directory_only_the_path_of_the_disks_differs()
    {
        var source = MakeGuest();
        foreach (var target in (string[])["kvm", "xen"])
        {
            var (here, there) = (_scratch[$"{target}-here"], _scratch[$"{target}-elsewhere"]);
            CommandLine.MustRun("convert", source, "--to", target, "--output", here);
            CommandLine.MustRun("convert", source, "--to", target, "--output", there);
            foreach (var file in Files(here))
            {
                var (left, right) = (File.ReadAllBytes(Path.Combine(here, file)), File.ReadAllBytes(Path.Combine(there, file)));
                if (Path.GetExtension(file) is ".xml" or ".cfg")
                {
                    right = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(right).Replace(there, here, StringComparison.Ordinal));
                }

                Assert.True(left.AsSpan().SequenceEqual(right), $"{target}: {file}");
            }
        }
    }

    [Fact]
    public void Images_are_the_same_on_any_number_of_processors()
    {
        var source = MakeGuest().Replace("guest.cfg", "root.img", StringComparison.Ordinal);
        foreach (var name in (string[])["a.qcow2", "b.vmdk", "c.vhdx", "d.vdi", "e.vhd", "f.ova", "g.xva", "h.raw"])
        {
            string[] compress = name == "a.qcow2" ? ["--compress", "zlib"] : [];
            CommandLine.MustRunIn(Usual, ["image", "convert", source, _scratch[name], "--quiet", .. compress]);
            var index = name[0] % 2;
            Directory.CreateDirectory(_scratch["again"]);
            var again = _scratch["again/" + name];
            CommandLine.MustRunIn(Elsewhere[index], ["image", "convert", source, again, "--quiet", "--parallel", index == 0 ? "1" : "5", .. compress]);
            Assert.True(Tool.Run("cmp", _scratch[name], again).ExitCode == 0, name);
        }
    }

    /// <summary>Culture is switched off when the program is built, so that no call of a library of others can depend on it either.</summary>
    [Fact]
    public void The_program_knows_no_culture()
    {
        var settings = File.ReadAllText(CommandLine.Program + ".runtimeconfig.json");
        Assert.Matches("\"System.Globalization.Invariant\": *true", settings);
    }

    public void Dispose() => _scratch.Dispose();

    // What the program says, without the figures that depend on how fast this machine is.
    private string Run(string[] surroundings, string[] arguments, string name)
    {
        var said = new StringBuilder();
        var plan = CommandLine.MustRunIn(surroundings, ["plan", .. arguments, "--json", "--quiet"]).Output;
        said.Append(plan[..plan.IndexOf("\"estimate\"", StringComparison.Ordinal)]);
        CommandLine.MustRunIn(surroundings, ["convert", .. arguments, "--output", _scratch["out"], "--quiet"]);
        Directory.Move(_scratch["out"], _scratch[name]);
        return said.ToString();
    }

    private static IEnumerable<string> Files(string directory)
        => Directory.GetFiles(directory).Select(path => Path.GetFileName(path)).Where(name => name != ConversionRecord.TimesFileName).Order(StringComparer.Ordinal);

    private static void AssertSame(string left, string right)
    {
        Assert.Equal(Files(left), Files(right));
        foreach (var file in Files(left))
        {
            Assert.True(Tool.Run("cmp", Path.Combine(left, file), Path.Combine(right, file)).ExitCode == 0, file);
        }
    }

    private string MakeGuest()
    {
        // Names that Turkish and German would order, or turn into capitals, in their own ways.
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n").Files("/srv/files", 40, 200_000, 21);
        guest.Text("/etc/network/interfaces", "auto eth0\niface eth0 inet static\n    address 192.0.2.7/24\n").Text("/etc/network/interfaces.d/I", "# I\n").Text("/etc/network/interfaces.d/i", "# i\n").Text("/etc/network/interfaces.d/ı", "# ı\n").Text("/etc/network/interfaces.d/ä", "# ä\n")
            .Text("/etc/udev/rules.d/70-persistent-net.rules", "SUBSYSTEM==\"net\", ATTR{address}==\"00:16:3e:aa:bb:01\", NAME=\"eth0\"\n");
        var root = SmallGuest.Junk(_scratch["root.img"], 64, 22);
        guest.ForEveryTarget();
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-U", "01234567-89ab-cdef-0123-456789abcdef", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        File.WriteAllText(_scratch["guest.cfg"], $"name = 'INFILI'\nmemory = 512\nvcpus = 1\nbootloader = 'pygrub'\ndisk = ['file:{root},xvda1,w']\nvif = ['mac=00:16:3e:aa:bb:01,bridge=xenbr0']\n");
        return _scratch["guest.cfg"];
    }
}
