using System.Runtime.CompilerServices;
using System.Text.Json;
using Rehost.Hypervisors.Xen;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Xen;

/// <summary>What is written for xl, as the real xl reads it and as our own reader does (S2.24, S4.8).</summary>
public sealed class XenConfigWriterTests
{
    private static readonly VirtualMachine s_machine = new()
    {
        Name = "web01",
        Uuid = Guid.Parse("8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"),
        Hypervisor = Hypervisor.Xen,
        Mode = VirtualizationMode.Paravirtual,
        Firmware = Firmware.None,
        MemoryBytes = 512L << 20,
        VirtualCpus = 3,
        ParavirtualBoot = new ParavirtualBoot("pygrub", null, null, ""),
        Disks =
        [
            new VirtualDisk { Id = "a", DeviceName = "xvda", Path = "web01-xvda.img", LengthBytes = 1 << 20, IsBootable = true },
            new VirtualDisk { Id = "b", DeviceName = "xvdb", Path = "web01, \"b\" \\ b.img", LengthBytes = 1 << 20, IsReadOnly = true },
        ],
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:01:02:03", Network = "xenbr0" }, new NetworkAdapter { Network = "VM Network; reboot" }],
    };

    [Fact]
    public void XlTakesEveryKey()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(s_machine, "/srv/vm images"));
        var seen = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement;
        Assert.Equal(("pv", "web01", "8d4e2f63-3a5b-4c1d-9e70-51b2c3d4e5f3"), (Text(seen, "c_info", "type"), Text(seen, "c_info", "name"), Text(seen, "c_info", "uuid")));
        var build = seen.GetProperty("b_info");
        Assert.Equal((3, 512 << 10, 512 << 10, "pygrub"),
            (build.GetProperty("max_vcpus").GetInt32(), build.GetProperty("max_memkb").GetInt32(), build.GetProperty("target_memkb").GetInt32(), Text(build, "bootloader")));
        var disks = seen.GetProperty("disks");
        Assert.Equal(["/srv/vm images/web01-xvda.img xvda raw", "/srv/vm images/web01, \"b\" \\ b.img xvdb raw"], disks.EnumerateArray().Select(disk => $"{Text(disk, "pdev_path")} {Text(disk, "vdev")} {Text(disk, "format")}"));
        Assert.Equal([1, 0], disks.EnumerateArray().Select(disk => disk.TryGetProperty("readwrite", out var value) ? value.GetInt32() : 0));
        var adapters = seen.GetProperty("nics").EnumerateArray().ToList();
        Assert.Equal(("00:16:3e:01:02:03", "xenbr0"), (Text(adapters[0], "mac"), Text(adapters[0], "bridge")));
        Assert.False(adapters[1].TryGetProperty("bridge", out _)); // the name of a VMware network is no bridge
        Assert.Equal("restart", Text(seen, "on_reboot"));
    }

    [Theory]
    [InlineData(VirtualizationMode.Hardware, Firmware.Bios, "hvm", "seabios")]
    [InlineData(VirtualizationMode.Hardware, Firmware.Uefi, "hvm", "ovmf")]
    [InlineData(VirtualizationMode.Pvh, Firmware.None, "pvh", null)]
    public void XlTakesTheOtherModes(VirtualizationMode mode, Firmware firmware, string type, string? bios)
    {
        using var scratch = new ScratchDirectory();
        var machine = s_machine with { Mode = mode, Firmware = firmware, ParavirtualBoot = mode == VirtualizationMode.Pvh ? new ParavirtualBoot(null, "/boot/vmlinuz", "/boot/initrd", "root=/dev/xvda ro") : null };
        File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(machine, "/srv"));
        var seen = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement;
        Assert.Equal(type, Text(seen, "c_info", "type"));
        var build = seen.GetProperty("b_info");
        if (bios is not null)
        {
            Assert.Equal((bios, "c"), (Text(build, "type.hvm", "bios"), Text(build, "type.hvm", "boot")));
            Assert.Equal("127.0.0.1", Text(build, "type.hvm", "vnc", "listen"));
        }
        else
        {
            Assert.Equal(("/boot/vmlinuz", "/boot/initrd", "root=/dev/xvda ro"), (Text(build, "kernel"), Text(build, "ramdisk"), Text(build, "cmdline")));
        }
    }

    [Fact]
    public void WhatDom0HandsOutLiesBesideTheDisks() // S2.24
    {
        using var scratch = new ScratchDirectory();
        var machine = s_machine with { ParavirtualBoot = new ParavirtualBoot(null, "web01-vmlinuz", "web01-initrd.img", "root=/dev/xvda1 ro console=hvc0") };
        File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(machine, "/srv/xen"));
        var build = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement.GetProperty("b_info");
        Assert.Equal(("/srv/xen/web01-vmlinuz", "/srv/xen/web01-initrd.img", "root=/dev/xvda1 ro console=hvc0"), (Text(build, "kernel"), Text(build, "ramdisk"), Text(build, "cmdline")));
        File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(machine with { Disks = [machine.Disks[0]] }, "/srv/xen", new XenConfigOptions { IsXm = true }));
        build = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement.GetProperty("b_info");
        Assert.Equal("root=/dev/xvda1 ro console=hvc0", Text(build, "cmdline"));
    }

    [Fact]
    public void XlTakesTheSyntaxOfXm() // S4.8
    {
        using var scratch = new ScratchDirectory();
        var machine = s_machine with { Disks = [s_machine.Disks[0], s_machine.Disks[0] with { DeviceName = "xvdb", Path = "/dev/vg1/web01" }] };
        var text = XenConfigWriter.Write(machine, "/srv", new XenConfigOptions { IsXm = true });
        Assert.Contains("\"tap:aio:/srv/web01-xvda.img,xvda,w\"", text, StringComparison.Ordinal);
        Assert.Contains("\"phy:/dev/vg1/web01,xvdb,w\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("type =", text, StringComparison.Ordinal);
        File.WriteAllText(scratch["web01.cfg"], text);
        var seen = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement;
        Assert.Equal(["/srv/web01-xvda.img", "/dev/vg1/web01"], seen.GetProperty("disks").EnumerateArray().Select(disk => Text(disk, "pdev_path")));
        Assert.Equal("/usr/bin/pygrub", Text(seen.GetProperty("b_info"), "bootloader"));
        var xm = new XenConfigOptions { IsXm = true };
        Assert.Equal("XEN014", Assert.Throws<DiagnosticException>(() => XenConfigWriter.Write(s_machine, "/srv", xm)).Diagnostic.Id); // a comma in a path
        Assert.Equal("XEN014", Assert.Throws<DiagnosticException>(() => XenConfigWriter.Write(machine with { Mode = VirtualizationMode.Pvh }, "/srv", xm)).Diagnostic.Id);
    }

    [Fact]
    public void XlTakesAFrameBufferAndIdeDisks() // S2.30
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(s_machine, "/srv", new XenConfigOptions { HasFrameBuffer = true }));
        var frame = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement.GetProperty("vfbs")[0];
        Assert.Equal("127.0.0.1", Text(frame, "vnc", "listen"));

        var machine = s_machine with { Mode = VirtualizationMode.Hardware, Firmware = Firmware.Bios, ParavirtualBoot = null, Disks = [s_machine.Disks[0] with { DeviceName = "sda" }], NetworkAdapters = [s_machine.NetworkAdapters[0] with { Model = "e1000" }] };
        File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(machine, "/srv"));
        var seen = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement;
        Assert.Equal("hda", Text(seen.GetProperty("disks")[0], "vdev"));
        Assert.Equal("e1000", Text(seen.GetProperty("nics")[0], "model"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void XlTakesGrubForXenAndEveryAction(bool isXm)
    {
        using var scratch = new ScratchDirectory();
        foreach (var action in EventActions.Words)
        {
            var machine = s_machine with { Disks = [s_machine.Disks[0]], ParavirtualBoot = new ParavirtualBoot("pvgrub", "/usr/lib/grub-xen/grub-x86_64-xen.bin", null, ""), EventActions = new EventActions(action, action, action) };
            File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(machine, "/srv", new XenConfigOptions { IsXm = isXm }));
            var seen = JsonDocument.Parse(DryRun(scratch["web01.cfg"])).RootElement;
            Assert.Equal("/usr/lib/grub-xen/grub-x86_64-xen.bin", Text(seen.GetProperty("b_info"), "kernel"));
            Assert.False(seen.GetProperty("b_info").TryGetProperty("bootloader", out _));
            foreach (var key in (string[])["on_poweroff", "on_reboot", "on_crash"])
            {
                // libxl leaves its own default out of what it prints.
                Assert.Equal(action, seen.TryGetProperty(key, out var word) ? word.GetString()?.Replace("restart_rename", "rename-restart", StringComparison.Ordinal).Replace('_', '-') : "destroy");
            }

            File.WriteAllBytes(scratch["web01-xvda.img"], new byte[512]);
            File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(machine, scratch.Path));
            var read = XenSource.Open(scratch["web01.cfg"]).Machine;
            Assert.Equal(machine.EventActions, read.EventActions);
            Assert.Equal(machine.ParavirtualBoot, read.ParavirtualBoot);
        }
    }

    [Fact]
    public void OurReaderFindsTheSameMachine()
    {
        using var scratch = new ScratchDirectory();
        foreach (var disk in s_machine.Disks)
        {
            File.WriteAllBytes(scratch[disk.Path ?? ""], new byte[1 << 20]);
        }

        File.WriteAllText(scratch["web01.cfg"], XenConfigWriter.Write(s_machine, scratch.Path));
        var machine = XenSource.Open(scratch["web01.cfg"]).Machine;
        Assert.Equal((s_machine.Name, s_machine.Uuid, s_machine.Mode, s_machine.MemoryBytes, s_machine.VirtualCpus), (machine.Name, machine.Uuid, machine.Mode, machine.MemoryBytes, machine.VirtualCpus));
        Assert.Equal(s_machine.Disks.Select(disk => (disk.DeviceName, scratch[disk.Path ?? ""], disk.IsReadOnly)), machine.Disks.Select(disk => (disk.DeviceName, disk.Path ?? "", disk.IsReadOnly)));
        Assert.Equal(["00:16:3e:01:02:03", null], machine.NetworkAdapters.Select(adapter => adapter.MacAddress));
        Assert.Equal("pygrub", machine.ParavirtualBoot?.Bootloader);
    }

    [Fact]
    public void AMachineWithoutMemoryIsRefused()
        => Assert.Equal("XEN014", Assert.Throws<DiagnosticException>(() => XenConfigWriter.Write(s_machine with { MemoryBytes = 0 }, "/srv")).Diagnostic.Id);

    private static string DryRun(string path) => Tool.MustRun(Path.GetFullPath("../../../build/fixtures/xl-dryrun.sh", Path.GetDirectoryName(ThisFile()) ?? "/"), path);

    private static string Text(JsonElement element, params string[] path)
        => path.Aggregate(element, (inner, name) => inner.GetProperty(name)).GetString() ?? "";

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
