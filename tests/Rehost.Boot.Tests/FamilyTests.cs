using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>
/// Issue 5: real guests, each with the storage, the boot loader and the initramfs of a family, converted and booted. Above the login prompt each prints the address of the
/// interface that its configuration names (build/fixtures/families), which proves the network's names as well.
/// </summary>
public sealed class FamilyTests
{
    /// <summary>VMware, XFS on LVM, entries of the Boot Loader Specification, dracut hostonly for vmw_pvscsi.</summary>
    [Fact]
    public void Rhel8_like() => ConvertsAndBoots("rhel8-like", "web01.vmx", "ens192");

    /// <summary>The same without a change of its volumes: drivers and the interface's name in front of dracut's initramfs, from the helper partition.</summary>
    [Fact]
    public void Rhel8_like_without_a_change() => ConvertsAndBoots("rhel8-like", "web01.vmx", "ens192", "--guest-changes", "none");

    /// <summary>VMware, ext3 on LVM, GRUB legacy's own stages, System V init.</summary>
    [Fact]
    public void Centos5_like() => ConvertsAndBoots("centos5-like", "web01.vmx", "eth0");

    /// <summary>Xen HVM, Btrfs with a snapshot as default subvolume.</summary>
    [Fact]
    public void Suse_btrfs() => ConvertsAndBoots("suse-btrfs", "web01.cfg", "eth0");

    /// <summary>VMware, GPT, shim and the signed GRUB on an EFI system partition without a fallback loader.</summary>
    [Fact]
    public void Uefi_shim() => ConvertsAndBoots("uefi-shim", "web01.vmx", "ens192");

    /// <summary>VMware, 32 bit, MD RAID 1 over two disks.</summary>
    [Fact]
    public void Raid1_i386() => ConvertsAndBoots("raid1-i386", "web01.vmx", "eth0");

    /// <summary>VMware, LUKS 2 root: converted with the passphrase, opened at boot by the key file in the initramfs.</summary>
    [Fact]
    public void Luks_root()
    {
        using var key = Cli.Scratch();
        File.WriteAllText(key["passphrase"], "rehost");
        File.SetUnixFileMode(key["passphrase"], (UnixFileMode)0x1A4);
        ConvertsAndBoots("luks-root", "web01.vmx", "ens192", "--key", "file:" + key["passphrase"]);
    }

    /// <summary>The same guest with LVM and GRUB legacy for Xen PV: pygrub reads what is left.</summary>
    [Fact]
    public void Centos5_like_for_Xen() // S0.1, S0.46
    {
        using var scratch = Cli.Scratch();
        Cli.MustRun("convert", Guests.File("centos5-like", "web01.vmx"), "--to", "xen", "--output", scratch["out"]);
        Tool.MustRun(Path.Combine(Guests.Root, "build/fixtures/xl-dryrun.sh"), scratch["out/web01.cfg"]);
        var found = Pygrub.Ask(scratch, scratch["out/web01-xvda.img"]);
        Assert.Contains("root=/dev/VolGroup00/LogVol00", Assert.Single(found, line => line.StartsWith("args ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    /// <summary>The same Btrfs started by pygrub's like before: a boot loader of ours reads it from its top.</summary>
    [Fact]
    public void Suse_btrfs_from_Xen_PV() => ConvertsAndBoots("suse-btrfs", "web01-pv.cfg", "eth0");

    /// <summary>A VMware target starts on VMware's devices: its disk on pvscsi, read out of the package, its adapter a vmxnet3, its login on the screen.</summary>
    [Fact]
    public void An_OVA_boots_on_the_hardware_that_it_names()
    {
        using var scratch = Cli.Scratch();
        Cli.MustRun("convert", Guests.File("suse-btrfs", "web01.cfg"), "--to", "vmware", "--output", scratch["out"]);
        var boot = Cli.Run("boot", scratch["out/web01.ova"], "--evidence", scratch["evidence"], "--timeout", "900");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
        var qemu = File.ReadAllText(scratch["evidence/qemu.txt"]);
        Assert.All(["pvscsi,id=", "vmxnet3,mac=00:16:3e:5a:10:06"], device => Assert.Contains(device, qemu, StringComparison.Ordinal));
        var screen = File.ReadAllText(scratch["evidence/screen.log"]);
        Assert.Contains("suse-btrfs on tty1, eth0 has 192.0.2.10", screen, StringComparison.Ordinal);
        Assert.Contains("web01 login:", screen, StringComparison.Ordinal);
    }

    private static void ConvertsAndBoots(string guest, string description, string networkInterface, params string[] options)
    {
        using var scratch = Cli.Scratch();
        Cli.MustRun(["convert", Guests.File(guest, description), "--to", "kvm", "--output", scratch["out"], .. options]);
        var verified = JsonDocument.Parse(Cli.MustRun("verify", scratch["out"], "--json")).RootElement;
        Assert.All(verified.GetProperty("checks").EnumerateArray(), check => Assert.Equal("passed", check.GetProperty("outcome").GetString()));
        Tool.MustRun("virt-xml-validate", scratch["out/web01.xml"], "domain");

        var boot = Cli.Run("boot", scratch["out/web01.xml"], "--evidence", scratch["evidence"], "--timeout", "900");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
        Assert.Contains($"{guest} on ttyS0, {networkInterface} has 192.0.2.10", File.ReadAllText(scratch["evidence/serial.log"]), StringComparison.Ordinal);
    }
}
