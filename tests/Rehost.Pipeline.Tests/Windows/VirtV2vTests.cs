using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Testing;
using Rehost.Testing.Windows;
using static Rehost.Pipeline.Tests.Windows.WindowsConversionTests;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>
/// Our conversion of phony guests held against virt-v2v's, key by key. What virt-v2v did is kept in Fixtures/virt-v2v-*.txt, so that the comparison needs none of it: build/compare/virt-v2v.sh, where it is
/// installed, has it convert the same images anew (REHOST_VIRT_V2V names the directory for the records) and then compares.
/// </summary>
public sealed class VirtV2vTests
{
    private const string Unchanged = "(unchanged)";
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2008r2")]
    [InlineData("2019")]
    [Requirement("S3.8", "S3.11")]
    public void Every_difference_from_virt_v2v_is_explained(string name)
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All[name] with { SystemMebibytes = 200 }; // virt-v2v wants 100 MB free
        var disk = PhonyDisk.Create(windows, scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"]);
        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, scratch["virtio-win"]), NoStop);
        var ours = GuestChanges.Find(windows, disk, scratch["disk.raw"], Path.Combine(scratch["out"], record.Disks[0].File), scratch);
        if (Environment.GetEnvironmentVariable("REHOST_VIRT_V2V") is { Length: > 0 } records)
        {
            File.WriteAllText(Path.Combine(records, $"virt-v2v-{name}.txt"), GuestChanges.Write(GuestChanges.Find(windows, disk, scratch["disk.raw"], Convert(scratch), scratch)));
            File.Copy(Path.Combine(records, $"virt-v2v-{name}.txt"), Record(name), overwrite: true);
            CheckInspector(windows, Path.Combine(scratch["out"], record.Disks[0].File));
        }

        var theirs = GuestChanges.Parse(File.ReadAllText(Record(name)));
        var own = GuestChanges.Parse(GuestChanges.Write(ours));
        var unexplained = theirs.Keys.Union(own.Keys).Order(StringComparer.Ordinal)
            .Select(subject => (Subject: subject, Theirs: theirs.GetValueOrDefault(subject, Unchanged), Ours: own.GetValueOrDefault(subject, Unchanged)))
            .Where(item => item.Theirs != item.Ours && !Explanations().Any(one => one.Subject.IsMatch(item.Subject)) && !IsForEveryControlSet(own, item.Subject, item.Ours))
            .Select(item => $"{item.Subject}: virt-v2v {item.Theirs}, ours {item.Ours}").ToList();
        Assert.True(unexplained.Count == 0, string.Join('\n', unexplained));

        // What both must do alike, said by name so that no explanation can swallow it.
        foreach (var subject in (string[])[@"SYSTEM\controlset001\services\viostor : start", @"SYSTEM\controlset001\services\viostor : type", @"SYSTEM\controlset001\services\viostor : imagepath", @"SYSTEM\controlset001\control\crashcontrol : autoreboot"])
        {
            Assert.True(theirs[subject].Equals(own[subject], StringComparison.OrdinalIgnoreCase), $"{subject}: {theirs[subject]} | {own[subject]}");
        }
    }

    [Fact]
    public void Every_explanation_is_in_the_documentation_and_none_is_idle()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "windows.md"));
        Assert.All(Explanations().Select(one => one.Name).Append("control sets"), name => Assert.Contains($"| {name} |", page, StringComparison.Ordinal));
        var lines = Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures"), "virt-v2v-*.txt").SelectMany(File.ReadAllLines).Select(line => line.Split(" = ", 2)[0]).ToList();
        Assert.All(Explanations().Where(one => one.IsTheirs), one => Assert.Contains(lines, line => one.Subject.IsMatch(line)));
    }

    /// <summary>Where the two differ, by what differs; the words are in docs/windows.md under the same names. Those of ours alone are held by the other tests of this folder.</summary>
    private static ImmutableArray<(string Name, Regex Subject, bool IsTheirs)> Explanations() =>
    [
        ("place of the drivers", new Regex(@"^/windows/drivers/virtio/|^/windows/rehost/drivers/(viostor|netkvm|balloon)/|^SOFTWARE\\microsoft\\windows\\currentversion : devicepath$"), true),
        ("driver store", new Regex(@"^/windows/(inf/oem\d+\.inf|system32/catroot/.*/oem\d+\.cat|system32/driverstore/filerepository/(viostor|netkvm|balloon)\.inf_amd64_[0-9a-f]{16}/)"), false),
        ("driver database", new Regex(@"^(SYSTEM|DRIVERS)\\driverdatabase( : oeminfmap$|\\(deviceids|driverinffiles|driverpackages)$|\\deviceids\\pci($|\\ven_1af4)|\\deviceids\\\{4d36e9(7b|72|7d)-|\\driverinffiles\\(oem\d+|guestor)\.inf|\\driverpackages\\(guestor\.inf_tmp|(viostor|netkvm|balloon)\.inf_amd64_[0-9a-f]{16}))"), true),
        ("ids of the disk", new Regex(@"^SYSTEM\\controlset001\\control\\criticaldevicedatabase\\pci#ven_1af4&dev_10(01|42)( : |$)"), false),
        ("values of the driver's service", new Regex(@"^SYSTEM\\controlset001\\services\\viostor(\\parameters| : owners$)"), false),
        ("first start", new Regex(@"^/program files/guestfs/|^/windows/rehost/(first-boot\.cmd|addresses\.ps1)$|^SYSTEM\\controlset001\\services\\(firstboot|rehostfirstboot)"), true),
        ("drivers of the old hypervisor", new Regex(@"^/windows/(inf/oem[0-3]\.pnf$|system32/drivers/xen\w+\.sys$|system32/driverstore/filerepository/xen)|^SOFTWARE\\.*(citrix xenserver tray|uninstall\\\{xen6?\})|"
            + @"^SYSTEM\\controlset001\\(services\\xen|enum\\(xen|root\\xenevtchn|pci\\ven_5853)|control\\criticaldevicedatabase\\xen#|control\\safeboot\\minimal\\xen|control\\class\\.* : upperfilters$)|^SYSTEM\\driverdatabase\\(deviceids\\(xen|pci\\ven_5853)|driverpackages\\xen)"), false),
        ("boot entries", new Regex(@"^(esp|reserved):BCD\\objects\\.*\\elements\\(11000001|21000001|23000003) : element$"), false),
    ];

    /// <summary>"control sets": virt-v2v changes the current one; ours has in each other one what it has in that.</summary>
    private static bool IsForEveryControlSet(ImmutableSortedDictionary<string, string> own, string subject, string change)
        => subject.StartsWith(@"SYSTEM\controlset002\", StringComparison.Ordinal) && own.GetValueOrDefault(subject.Replace("controlset002", "controlset001", StringComparison.Ordinal)) == change;

    private static string Record(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", $"virt-v2v-{name}.txt");

    /// <summary>virt-v2v converts a copy of the image, emulated where there is no KVM; it wants a program for its service, which is never run here.</summary>
    private static string Convert(ScratchDirectory scratch)
    {
        Directory.CreateDirectory(scratch["virt-tools"]);
        Directory.CreateDirectory(scratch["v2v"]);
        foreach (var program in (string[])["rhsrvany.exe", "pvvxsvc.exe", "pnp_wait.exe"])
        {
            File.WriteAllText(Path.Combine(scratch["virt-tools"], program), "MZ phony");
        }

        Tool.MustRun("sh", "-c", $"cp --sparse=always '{scratch["disk.raw"]}' '{scratch["in.raw"]}'");
        Tool.MustRun("env", "LIBGUESTFS_BACKEND=direct", $"VIRTIO_WIN={scratch["virtio-win"]}", $"VIRT_TOOLS_DATA_DIR={scratch["virt-tools"]}",
            "virt-v2v", "-i", "disk", scratch["in.raw"], "-o", "local", "-os", scratch["v2v"], "-of", "raw", "-on", "out");
        return Path.Combine(scratch["v2v"], "out-sda");
    }

    /// <summary>virt-inspector reads our result: the same product, version, architecture and drives.</summary>
    private static void CheckInspector(PhonyWindows windows, string image)
    {
        var seen = Tool.MustRun("env", "LIBGUESTFS_BACKEND=direct", "virt-inspector", "--no-icon", "-a", image);
        Assert.Contains($"<product_name>{windows.Product}</product_name>", seen, StringComparison.Ordinal);
        Assert.Contains($"<major_version>{windows.Version.Split('.')[0]}</major_version>", seen, StringComparison.Ordinal);
        Assert.Contains("<arch>x86_64</arch>", seen, StringComparison.Ordinal);
        Assert.Contains("<hostname>PHONY</hostname>", seen, StringComparison.Ordinal);
        Assert.Contains("<drive_mapping name=\"C\">", seen, StringComparison.Ordinal);
        Assert.Contains("An application", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("Citrix", seen, StringComparison.Ordinal);
    }
}
