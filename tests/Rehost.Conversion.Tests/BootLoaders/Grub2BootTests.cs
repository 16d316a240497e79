using System.Text;
using Rehost.Blocks;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Testing;
using Rehost.Volumes;
using Rehost.Volumes.Gpt;
using Rehost.Volumes.Mbr;

namespace Rehost.Conversion.Tests.BootLoaders;

/// <summary>SeaBIOS in QEMU starts what we wrote, and GRUB finds its configuration (S1.33).</summary>
public sealed class Grub2BootTests : IDisposable
{
    private const string Uuid = "11111111-2222-3333-4444-555555555555";
    private const int DiskSectors = 65536;
    private readonly ScratchDirectory _scratch = new();

    [Fact]
    public void Grub_in_the_gap_reads_grub_cfg_from_ext4()
    {
        MakeFileSystem(("/boot/grub/grub.cfg", "echo REHOST-GRUB-OK\nhalt\n"));
        var config = new GrubEarlyConfig(Uuid, "/boot/grub");
        Install(2048, isGpt: false, GrubModules.Full, config.ToText());
        AssertBoots();
    }

    [Fact]
    public void Grub_in_a_bios_boot_partition_reads_a_configuration_of_ours()
    {
        MakeFileSystem(("/boot/grub/rehost.cfg", "if [ -n \"$root\" ]; then\n  echo REHOST-GRUB-OK\nfi\nhalt\n"));
        var config = new GrubEarlyConfig(Uuid, "/boot/grub") { Continuation = GrubContinuation.OtherConfiguration, ConfigurationPath = "/boot/grub/rehost.cfg" };
        Install(8192, isGpt: true, GrubModules.Full, config.ToText());
        AssertBoots();
    }

    [Fact]
    public void Grub_reads_a_legacy_menu()
    {
        // A kernel that is missing is answered by an error that names it: the menu was read and its entry run.
        MakeFileSystem(("/boot/grub/menu.lst", "default 0\ntimeout 0\nhiddenmenu\ntitle one\nroot (hd0,0)\nkernel /REHOST-GRUB-OK root=/dev/vda1\n"));
        var config = new GrubEarlyConfig(Uuid, "/boot/grub") { Continuation = GrubContinuation.LegacyMenu, ConfigurationPath = "/boot/grub/menu.lst" };
        Install(2048, isGpt: false, GrubModules.Full, config.ToText());
        AssertBoots();
    }

    [Fact]
    public void The_small_core_before_sector_63_loads_the_rest_from_the_file_system()
    {
        var files = GrubWitness.Files;
        var modules = GrubModules.FilesForPrefix(files, ["normal", "echo", "halt", "serial", "terminal"]);
        MakeFileSystem([("/boot/grub/grub.cfg", "echo REHOST-GRUB-OK\nhalt\n"), .. modules.Select(name => ($"/boot/grub/i386-pc/{name}", Encoding.Latin1.GetString(files.Read(name))))]);
        var config = new GrubEarlyConfig(Uuid, "/boot/grub") { ModulesFromPrefix = ["serial", "terminal"] };
        Install(63, isGpt: false, GrubModules.Small, config.ToText());
        AssertBoots();
    }

    public void Dispose() => _scratch.Dispose();

    private void MakeFileSystem(params (string Path, string Content)[] files)
    {
        foreach (var (path, content) in files)
        {
            var target = _scratch["tree" + path];
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllText(target, content, Encoding.Latin1);
        }

        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-U", Uuid, "-d", _scratch["tree"], _scratch["fs"], "24M");
    }

    private void Install(int start, bool isGpt, IEnumerable<string> modules, string earlyConfig)
    {
        var content = File.ReadAllBytes(_scratch["fs"]);
        using var disk = FileDevice.Create(_scratch["disk"], DiskSectors * 512L);
        if (isGpt)
        {
            new GptTable(new Guid(Uuid), [
                new GptEntry(1, PartitionTypes.BiosBoot, new Guid("11111111-2222-3333-4444-000000000001"), new Lba(2048), 2048),
                new GptEntry(2, PartitionTypes.LinuxData, new Guid("11111111-2222-3333-4444-000000000002"), new Lba(start), content.Length / 512)]).WriteTo(disk);
        }
        else
        {
            new MbrTable(1, [new MbrEntry(1, PartitionTypes.MbrLinux, new Lba(start), content.Length / 512, IsBootable: true)]).WriteTo(disk);
        }

        disk.Write(new Lba(start).ToOffset(), content);
        Grub2Installer.Install(disk, GrubWitness.Files, Grub2Image.Build(GrubWitness.Files, modules, "/boot/grub", earlyConfig));
    }

    private void AssertBoots()
    {
        var log = _scratch["serial.log"];
        var result = Tool.Run(
            "timeout", "--signal=KILL", "60", "sh", "-c",
            $"qemu-system-x86_64 -accel tcg -m 128 -display none -monitor none -nodefaults -no-reboot -serial file:{log} -drive file={_scratch["disk"]},format=raw,if=virtio,snapshot=on & q=$!; "
            + $"for i in $(seq 1 200); do grep -q REHOST-GRUB-OK {log} 2>/dev/null && break; kill -0 $q 2>/dev/null || break; sleep 0.25; done; kill $q 2>/dev/null; wait $q; true");
        var text = File.Exists(log) ? Encoding.Latin1.GetString(File.ReadAllBytes(log)) : "";
        Assert.True(text.Contains("REHOST-GRUB-OK", StringComparison.Ordinal), $"the serial log says:\n{text}\n{result.Output}{result.Error}");
    }
}
