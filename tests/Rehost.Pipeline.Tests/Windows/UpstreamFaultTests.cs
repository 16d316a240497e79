using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Testing;
using Rehost.Testing.Windows;
using Rehost.WindowsRegistry;
using static Rehost.Pipeline.Tests.Windows.WindowsConversionTests;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>Faults that others' conversions of Windows are known for: each with a test that ours does right. What the phony guests of the other tests show is not repeated.</summary>
public sealed class UpstreamFaultTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    public void StartOverride_is_cleared_and_a_guest_without_supplied_drivers_starts_from_ahci()
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All["2025"] with { HasFilesOfOthers = true };
        var disk = PhonyDisk.Create(windows, scratch["disk.raw"]);
        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, null), NoStop);
        Assert.Equal(("sata", "e1000e"), (record.Plan.Capabilities.DiskModel, record.Plan.Capabilities.NetworkModel));
        var image = Path.Combine(scratch["out"], record.Disks[0].File);
        var system = Export(PhonyDisk.NtfsFile(image, disk.SystemOffset, "Windows/System32/config/SYSTEM", scratch), scratch);
        foreach (var set in (string[])["ControlSet001", "ControlSet002"])
        {
            Assert.Contains("\"Start\"=dword:00000000", Section(system, $@"\{set}\Services\storahci"), StringComparison.Ordinal);
            Assert.DoesNotContain("\"0\"", Section(system, $@"\{set}\Services\storahci\StartOverride"), StringComparison.Ordinal);
            Assert.Contains("\"0\"=dword:00000003", Section(system, $@"\{set}\Services\LSI_SAS\StartOverride"), StringComparison.Ordinal); // not needed, not touched
        }

        var domain = File.ReadAllText(Path.Combine(scratch["out"], record.ConfigurationFile));
        Assert.Contains("bus=\"sata\"", domain, StringComparison.Ordinal);
        Assert.Contains("<model type=\"e1000e\" />", domain, StringComparison.Ordinal);
        Assert.Contains("<memballoon model=\"none\" />", domain, StringComparison.Ordinal);
        Tool.MustRun("virt-xml-validate", Path.Combine(scratch["out"], record.ConfigurationFile), "domain");

        // The ESP: the fallback loader is there now, and what a vendor put beside it too.
        Tool.MustRun("sh", "-c", $"dd if='{image}' of='{scratch["esp"]}' bs=1M skip=1 count=32 status=none && mdir -b -/ -i '{scratch["esp"]}' ::/ > '{scratch["list"]}' && mcopy -n -i '{scratch["esp"]}' ::/EFI/BOOT/BOOTX64.EFI '{scratch["loader"]}'");
        Assert.Equal("phony boot manager", File.ReadAllText(scratch["loader"]));
        Assert.Contains("keep.efi", File.ReadAllText(scratch["list"]), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("/EFI/BOOT/others.efi", File.ReadAllText(scratch["list"]), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("2008r2")]
    [InlineData("2019")]
    [Requirement("S3.9", "S3.10")]
    public void Boot_entries_that_name_what_is_not_there_are_repaired_and_nothing_is_wiped(string name)
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All[name];
        PhonyDisk.Create(windows, scratch["disk.raw"]);
        var before = new Migration(new SilentProgress()).Inspect(Request(scratch), NoStop);
        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, null), NoStop);
        Assert.Equal(3, record.Plan.Changes.OfType<RedirectBootDevice>().Count());
        var image = Path.Combine(scratch["out"], record.Disks[0].File);
        var bcd = windows.IsUefi ? Esp(image, scratch) : PhonyDisk.NtfsFile(image, 1 << 20, "Boot/BCD", scratch);
        var export = Export(bcd, scratch);
        Assert.Contains("{aaaaaaaa-0000-0000-0000-000000000001}", Section(export, @"\Objects\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\Elements\23000003"), StringComparison.Ordinal);
        Assert.Contains(windows.IsUefi ? "02,00,00,03,00,00,00,00,00,02" : "00,00,50,01", Section(export, @"\Objects\{aaaaaaaa-0000-0000-0000-000000000001}\Elements\21000001"), StringComparison.Ordinal);
        Assert.Contains("\"Element\"=hex(3):01", Section(export, @"\Objects\{aaaaaaaa-0000-0000-0000-000000000001}\Elements\16000046"), StringComparison.Ordinal); // left as it was
        var after = new Migration(new SilentProgress()).Inspect(new SourceRequest(image), NoStop).Windows!;
        Assert.All(after.BootStores.SelectMany(store => store.Elements).Where(element => element.DiskTableId is not null), element => Assert.NotNull(element.VolumeName));
        Assert.Equal(before.Windows!.BootStores.Single().Elements.Length, after.BootStores.Single().Elements.Length);

        static byte[] Esp(string image, ScratchDirectory scratch)
        {
            Tool.MustRun("sh", "-c", $"dd if='{image}' of='{scratch["esp"]}' bs=1M skip=1 count=32 status=none && mcopy -n -i '{scratch["esp"]}' ::/EFI/Microsoft/Boot/BCD '{scratch["bcd"]}'");
            return File.ReadAllBytes(scratch["bcd"]);
        }
    }

    [Fact]
    public void What_is_still_in_a_log_of_the_registry_is_not_lost()
    {
        using var scratch = new ScratchDirectory();
        var windows = PhonyWindows.All["2012r2"];
        var disk = PhonyDisk.Create(windows, scratch["disk.raw"]);
        var config = $"{windows.Folder}/System32/config/SYSTEM";
        var hive = Hive.Open(PhonyDisk.NtfsFile(scratch["disk.raw"], disk.SystemOffset, config, scratch), new HiveOpenOptions());
        var (dirty, log) = DirtyHive.Make(hive, opened => opened.Root.Create(@"ControlSet001\Services\InTheLog").Set(RegistryValue.OfNumber("Start", 3)));
        Replace(scratch, disk, config, dirty);
        Replace(scratch, disk, config + ".LOG1", log);

        var facts = new Migration(new SilentProgress()).Inspect(Request(scratch), NoStop);
        Assert.True(facts.Windows!.Hives.Single(one => one.Name == "SYSTEM").ReplayedEntries > 0);
        var record = new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, null), NoStop);
        var image = Path.Combine(scratch["out"], record.Disks[0].File);
        var system = Export(PhonyDisk.NtfsFile(image, disk.SystemOffset, config, scratch), scratch);
        Assert.Contains("\"Start\"=dword:00000003", Section(system, @"\ControlSet001\Services\InTheLog"), StringComparison.Ordinal);
    }

    [Fact]
    public void Signs_that_stop_say_the_way_out()
    {
        using var scratch = new ScratchDirectory();
        PhonyDisk.Create(PhonyWindows.All["10"] with { IsHibernated = true, Leftovers = [] }, scratch["disk.raw"]);
        var hibernated = Assert.Throws<DiagnosticException>(() => new Migration(new SilentProgress()).Convert(Request(scratch), Target(scratch, null), NoStop)).Diagnostic;
        Assert.Equal("WIN002", hibernated.Id);
        Assert.Contains("powercfg /h off", hibernated.NextStep, StringComparison.Ordinal);
        Assert.False(Directory.Exists(scratch["out"]) && Directory.EnumerateFiles(scratch["out"]).Any());

        using (var disk = new FileStream(scratch["disk.raw"], FileMode.Open))
        {
            disk.Position = (34 << 20) + 3;
            disk.Write("-FVE-FS-"u8);
        }

        var encrypted = Assert.Throws<DiagnosticException>(() => new Migration(new SilentProgress()).Inspect(Request(scratch), NoStop)).Diagnostic;
        Assert.Equal("WIN001", encrypted.Id);
        Assert.Contains("manage-bde -off", encrypted.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_holds_what_was_seen_and_hashes_of_what_was_supplied()
    {
        using var scratch = new ScratchDirectory();
        PhonyDisk.Create(PhonyWindows.All["xp"], scratch["disk.raw"]);
        PhonyVirtioWin.Create(scratch["virtio-win"], ["xp"]);
        var planned = new Migration(new SilentProgress()).Plan(Request(scratch), Target(scratch, scratch["virtio-win"]), NoStop).Plan;
        Assert.Contains(planned.Changes.OfType<RemoveRegistryKey>(), change => change.BeforeSha256 is not null);
        var json = ModelJson.Serialize(planned);
        Assert.Equal(json, ModelJson.Serialize(ModelJson.Deserialize<ConversionPlan>(json)));
        Assert.DoesNotContain("viostor for xp x86", json, StringComparison.Ordinal); // hashes, not content
    }

    private static void Replace(ScratchDirectory scratch, PhonyDisk disk, string path, byte[] content)
    {
        var (volume, mount) = (scratch["edit.img"], scratch["edit"]);
        Directory.CreateDirectory(mount);
        Tool.MustRun("sh", "-c", $"dd if='{scratch["disk.raw"]}' of='{volume}' bs=1M skip={disk.SystemOffset >> 20} count={PhonyDisk.SystemMebibytes} status=none");
        using (new Mounted(volume, mount, "-t", "ntfs-3g"))
        {
            File.WriteAllBytes(Path.Combine(mount, path), content);
        }

        Tool.MustRun("sh", "-c", $"dd if='{volume}' of='{scratch["disk.raw"]}' bs=1M seek={disk.SystemOffset >> 20} conv=notrunc status=none");
    }
}
