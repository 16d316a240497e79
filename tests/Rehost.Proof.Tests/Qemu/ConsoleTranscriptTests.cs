using System.Text;
using Rehost.Proof.Qemu;

namespace Rehost.Proof.Tests.Qemu;

public sealed class ConsoleTranscriptTests
{
    private static ConsoleTranscript Follow(string text, int chunk = 7)
    {
        var transcript = new ConsoleTranscript();
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var offset = 0; offset < bytes.Length; offset += chunk)
        {
            transcript.Append(bytes.AsSpan(offset, Math.Min(chunk, bytes.Length - offset)), offset / 100.0);
        }

        return transcript;
    }

    private const string Debian12 = """
        GRUB loading.
        Welcome to GRUB!
        [H[J[1;1H[?25l[m[H[J[1;1H[2;30HGNU GRUB  version 2.06
        Booting `Debian GNU/Linux'
        Loading Linux 6.1.0-50-amd64 ...
        Loading initial ramdisk ...
        [    0.000000] Linux version 6.1.0-50-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)
        [    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-50-amd64 root=UUID=1 ro console=ttyS0
        [    5.100000] Run /init as init process
        Loading, please wait...
        Starting systemd-udevd version 252.39-1~deb12u2
        Begin: Running /scripts/init-premount ... done.
        Begin: Will now check root file system ... fsck from util-linux 2.38.1
        [    8.200000] EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.
        done.
        Begin: Running /scripts/local-bottom ... done.
        [    9.934567] systemd[1]: systemd 252.39-1~deb12u1 running in system mode (+PAM +AUDIT ...)
        Welcome to [1mDebian GNU/Linux 12 (bookworm)[0m!
        [  OK  ] Started getty.

        Debian GNU/Linux 12 web01 ttyS0

        web01 login: 
        """;

    private const string Sysvinit = """
        GNU GRUB  version 2.06
        [    0.000000] Linux version 3.2.0-4-amd64 (debian-kernel@lists.debian.org)
        [    2.000000] EXT3-fs (vda1): mounted filesystem with ordered data mode
        INIT: version 2.88 booting
        [ ok ] Starting the hotplug events dispatcher: udevd.
        INIT: Entering runlevel: 2

        Debian GNU/Linux 7 old ttyS0

        old login: [   33.123456] random: crng init done
        """;

    private const string Dracut = """
        [    0.000000] Linux version 5.14.0-70.el9.x86_64
        [    2.000000] systemd[1]: systemd 250 running in system mode
        [  OK  ] Reached target Basic System.
        [    6.000000] XFS (vda2): Mounting V5 Filesystem
        [    9.000000] systemd[1]: Successfully loaded SELinux policy in 100ms.
        Kernel 5.14.0-70.el9.x86_64 on an x86_64

        rocky login: 
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4096)]
    public void Debian_12_reaches_every_stage(int chunk)
    {
        var transcript = Follow(Debian12, chunk);
        Assert.Equal([BootMilestone.BootLoader, BootMilestone.Kernel, BootMilestone.RootMounted, BootMilestone.Init, BootMilestone.Login], transcript.Milestones.Select(reached => reached.Milestone));
        Assert.Null(transcript.Failure);
    }

    [Fact]
    public void Sysvinit_with_a_kernel_message_behind_the_prompt() =>
        Assert.Equal([BootMilestone.BootLoader, BootMilestone.Kernel, BootMilestone.RootMounted, BootMilestone.Init, BootMilestone.Login], Follow(Sysvinit).Milestones.Select(reached => reached.Milestone));

    [Fact]
    public void The_systemd_of_a_dracut_initramfs_is_not_the_guests_init()
    {
        var transcript = Follow(Dracut);
        Assert.Equal([BootMilestone.Kernel, BootMilestone.RootMounted, BootMilestone.Init, BootMilestone.Login], transcript.Milestones.Select(reached => reached.Milestone));
        Assert.Contains("SELinux", transcript.Milestones[2].Line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[    2.1] VFS: Cannot open root device \"xvda1\" or unknown-block(0,0): error -6\n[ 2.2] Kernel panic - not syncing: VFS: Unable to mount root fs\n", "QEM020")]
    [InlineData("[    2.2] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00\n", "QEM021")]
    [InlineData("Gave up waiting for root file system device.  Common problems:\n", "QEM022")]
    [InlineData("ALERT!  /dev/xvda1 does not exist.  Dropping to a shell!\n", "QEM022")]
    [InlineData("BusyBox v1.35.0\n\n(initramfs) ", "QEM022")]
    [InlineData("[  190.1] dracut-initqueue[300]: Warning: dracut-initqueue: timeout, still waiting for following initqueue hooks: starting timeout scripts\n", "QEM022")]
    [InlineData("dracut:/# ", "QEM022")]
    [InlineData("error: no such device: 1234-5678.\nEntering rescue mode...\ngrub rescue> ", "QEM023")]
    [InlineData("GNU GRUB  version 2.06\n\ngrub> ", "QEM023")]
    [InlineData("error: file `/boot/vmlinuz-5' not found.\n", "QEM026")]
    [InlineData("error: you need to load the kernel first.\n", "QEM026")]
    [InlineData("You are in emergency mode. After logging in, type \"journalctl -xb\"\n", "QEM025")]
    [InlineData("Give root password for maintenance\n(or press Control-D to continue): ", "QEM025")]
    [InlineData("This kernel requires an x86-64 CPU, but only detected an i686 CPU.\n", "QEM031")]
    [InlineData("BdsDxe: No bootable option or device was found.\n", "QEM024")]
    public void Failures_have_causes(string text, string id) => Assert.Equal(id, Follow(text).Failure?.Id);

    [Theory]
    [InlineData("Last login: Mon Jan  1 10:00:00 on ttyS0\n")]
    [InlineData("pam_unix(login:session): session opened\n")]
    [InlineData("Starting Login: service\n")]
    public void What_only_looks_like_a_prompt(string text) => Assert.False(Follow(text).HasReached(BootMilestone.Login));

    // The udev of an initramfs-tools initramfs: the root may still be missing.
    [Fact]
    public void The_udev_of_an_initramfs_is_not_init() =>
        Assert.False(Follow("Linux version 6.1\nStarting systemd-udevd version 252.39-1~deb12u2\n").HasReached(BootMilestone.Init));

    [Fact]
    public void A_flood_keeps_memory_bounded()
    {
        var transcript = new ConsoleTranscript();
        var noise = new byte[1 << 20];
        new Random(5).NextBytes(noise);
        transcript.Append(noise, 1);
        Array.Fill(noise, (byte)'a');
        transcript.Append(noise, 2);
        Assert.True(transcript.LastLines.Length <= 41);
        Assert.All(transcript.LastLines, line => Assert.True(line.Length <= 4096));
    }

    [Theory]
    [InlineData("\e[31mred\e[0m", "red")]
    [InlineData("\e]0;title\aafter", "after")]
    [InlineData("\e]0;title\e\\after", "after")]
    [InlineData("\ePq#0;2\e\\after", "after")]
    [InlineData("a\u009b2Jb", "ab")]
    [InlineData("a\bb\0c\rd", "abcd")]
    [InlineData("a\tb\nc", "a\tb\nc")]
    [InlineData("\u202eabc", "abc")]
    [InlineData("\e(Bplain\e", "plain")]
    [InlineData("grün", "grün")]
    public void Control_sequences_do_not_reach_a_terminal(string text, string plain) => Assert.Equal(plain, TerminalText.Strip(text));

    [Fact]
    public void Png_has_the_pixels_of_the_ppm()
    {
        byte[] ppm = [.. "P6\n# c\n2 1\n255\n"u8, 255, 0, 0, 0, 0, 255];
        var png = PngEncoder.FromPpm(ppm)!;
        Assert.Equal("IHDR", Encoding.ASCII.GetString(png, 12, 4));
        Assert.Equal(0xAE426082u, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(png.Length - 4)));
        var length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(33));
        using var zlib = new System.IO.Compression.ZLibStream(new MemoryStream(png, 41, length), System.IO.Compression.CompressionMode.Decompress);
        var pixels = new byte[7];
        zlib.ReadExactly(pixels);
        Assert.Equal([0, 255, 0, 0, 0, 0, 255], pixels);
        Assert.Null(PngEncoder.FromPpm("P6\n9999 9999\n255\n"u8));
        Assert.Null(PngEncoder.FromPpm("P6"u8));
        Assert.Null(PngEncoder.FromPpm("P5\n1 1\n255\nx"u8));
    }
}
