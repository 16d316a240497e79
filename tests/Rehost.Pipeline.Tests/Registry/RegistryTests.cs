using System.Text;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Registry;
using Rehost.Pipeline.Sources;
using Rehost.Testing;
using Rehost.WindowsRegistry;

namespace Rehost.Pipeline.Tests.Registry;

/// <summary>rehost registry and bcd, on hive files and on a guest's NTFS; hivex reads what was written.</summary>
public sealed class RegistryTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    public void A_hive_file_is_read_and_edited()
    {
        using var scratch = new ScratchDirectory();
        var file = MakeHive(scratch["SYSTEM"]);
        using (var hive = Open(file))
        {
            Assert.Equal(["x", "y"], RegistryListing.List(hive, @"ControlSet001\Services\one", false).Select(item => item.Name));
            Assert.Equal(["", "ControlSet001", @"ControlSet001\Services", @"ControlSet001\Services\one", @"ControlSet001\Services\two"],
                RegistryListing.List(hive, "", true).Where(item => item.Name is null).Select(item => item.Key).Prepend(""));
            Assert.Equal("7", RegistryListing.Get(hive, @"controlset001\services\ONE", "X").Text);
            Assert.Equal("REG006", Refusal(() => RegistryListing.Get(hive, "ControlSet002", "x")));
            Assert.Equal("RGF002", Refusal(() => RegistryEditing.Set(hive, "k", "v", "dword", ["seven"])));
            Assert.Equal("RGF002", Refusal(() => RegistryEditing.Set(hive, "k", "v", "nothing", ["seven"])));
            RegistryEditing.Set(hive, "New", "number", "REG_DWORD", ["0x10"]);
            RegistryEditing.Set(hive, "New", "texts", "multi_sz", ["a", "b"]);
            RegistryEditing.Set(hive, "New", "bytes", "binary", ["01 ff"]);
            RegistryEditing.Set(hive, "New", "", "sz", ["default"]);
            RegistryEditing.Remove(hive, @"ControlSet001\Services\two", null);
            RegistryEditing.Remove(hive, @"ControlSet001\Services\one", "y");
            hive.Write(scratch["other"], null, new SilentProgress(), NoStop);
            RegistryEditing.Import(hive, Encoding.UTF8.GetBytes("Windows Registry Editor Version 5.00\n[HKEY_LOCAL_MACHINE\\SYSTEM\\Imported]\n\"z\"=dword:00000001\n"), null);
            hive.Write(null, null, new SilentProgress(), NoStop);
        }

        Assert.Contains("\"texts\"=hex(7):61,00,00,00,62,00,00,00,00,00", Tool.MustRun("hivexregedit", "--export", scratch["other"], "\\New"), StringComparison.Ordinal);
        using var first = Open(scratch["other"]);
        using var second = Open(file);
        var difference = Assert.Single(RegistryListing.Compare(first, second, ""));
        Assert.Equal(("Imported", "only in second"), (difference.Key, difference.What));
        Assert.Equal(["Windows Registry Editor Version 5.00", "", @"[HKEY_LOCAL_MACHINE\SYSTEM\Imported]", "\"z\"=dword:00000001", ""], RegistryListing.Export(second, "Imported", null));
        Assert.Equal("REG011", Refusal(() => RegistryListing.BootEntries(second)));
        Assert.Equal("RGF001", Refusal(() => Open(scratch["nothing"])));
    }

    [Fact]
    public void A_hive_in_a_guest_is_read_and_edited()
    {
        using var scratch = new ScratchDirectory();
        var (disk, hive, mount) = (scratch["disk.raw"], MakeHive(scratch["hive"]), scratch["mount"]);
        Directory.CreateDirectory(mount);
        Tool.MustRun("sh", "-c", $"truncate -s 20M '{disk}'; mkntfs -q -F -Q -T -p 63 -H 16 -S 63 '{disk}'");
        using (new Mounted(disk, mount, "-t", "ntfs-3g"))
        {
            Tool.MustRun("sh", "-c", $"mkdir -p '{mount}/Windows/System32/config'; cp '{hive}' '{mount}/Windows/System32/config/system'");
        }

        using (var open = Open(disk + ":SYSTEM"))
        {
            Assert.Equal("7", RegistryListing.Get(open, @"ControlSet001\Services\one", "x").Text);
            RegistryEditing.Set(open, @"ControlSet001\Services\one", "x", "dword", ["8"]);
            for (var i = 0; i < 500; i++)
            {
                RegistryEditing.Set(open, $@"Many\key {i}", "x", "sz", ["value"]); // so that the file grows
            }

            open.Write(scratch["new.raw"], null, new SilentProgress(), NoStop);
            open.Write(null, null, new SilentProgress(), NoStop);
        }

        foreach (var image in (string[])[scratch["new.raw"], disk])
        {
            Tool.MustRun("ntfsfix", "-n", image);
            Tool.MustRun("sh", "-c", $"ntfscat '{image}' Windows/System32/config/system > '{scratch["copy"]}'");
            Tool.MustRun("hivexml", scratch["copy"]);
            using var copy = Open(scratch["copy"]);
            using var guest = Open(image + ":/windows/system32/config/SYSTEM");
            Assert.Equal("8", RegistryListing.Get(copy, @"ControlSet001\Services\one", "x").Text);
            Assert.Empty(RegistryListing.Compare(copy, guest, ""));
        }

        Assert.Equal("RGF001", Refusal(() => Open(disk + ":SAM")));
    }

    private static string Refusal(Action action) => Assert.Throws<DiagnosticException>(action).Diagnostic.Id;

    private static OpenHive Open(string given) => OpenHive.Open(HiveLocation.Parse(given), source => GuestFiles.Open(new SourceRequest(source), null, Path.GetTempPath(), null, NoStop));

    private static string MakeHive(string path)
    {
        var hive = Hive.Create("ROOT", [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0], DateTimeOffset.UnixEpoch);
        var key = hive.Root.Create(@"ControlSet001\Services\one");
        key.Set(RegistryValue.OfNumber("x", 7));
        key.Set(RegistryValue.OfText("y", "text"));
        hive.Root.Create(@"ControlSet001\Services\two\below");
        hive.Root.Remove("ControlSet001");
        hive.Root.Create(@"ControlSet001\Services\two");
        key = hive.Root.Create(@"ControlSet001\Services\one");
        key.Set(RegistryValue.OfNumber("x", 7));
        key.Set(RegistryValue.OfText("y", "text"));
        File.WriteAllBytes(path, hive.ToArray());
        return path;
    }
}
