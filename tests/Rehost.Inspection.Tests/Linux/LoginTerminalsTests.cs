using Rehost.Inspection.Linux;

namespace Rehost.Inspection.Tests.Linux;

public sealed class LoginTerminalsTests
{
    [Theory]
    [InlineData("1:2345:respawn:/sbin/getty 38400 tty1", "tty1")]
    [InlineData("co:2345:respawn:/sbin/agetty xvc0 9600 vt100-nav", "xvc0")]
    [InlineData("1:2345:respawn:/sbin/mingetty tty1", "tty1")]
    [InlineData("T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100", "ttyS0")]
    [InlineData("h0:2345:respawn:/sbin/agetty -L 9600 /dev/hvc0 linux", "hvc0")]
    [InlineData("tty1::respawn:/sbin/getty 38400 tty1", "tty1")]
    [InlineData("S0:12345:respawn:/sbin/agetty -8 115200 console", "console")]
    [InlineData("#co:2345:respawn:/sbin/getty 38400 hvc0", null)]
    [InlineData("co:2345:off:/sbin/getty 38400 hvc0", null)]
    [InlineData("si::sysinit:/etc/init.d/rcS", null)]
    [InlineData("x:5:respawn:/etc/X11/prefdm -nodaemon", null)]
    public void Inittab_lines(string line, string? terminal)
        => Assert.Equal(terminal is null ? [] : [terminal], LoginTerminals.FromInittab(line + "\n"));

    [Theory]
    [InlineData("getty@tty1.service", "tty1")]
    [InlineData("serial-getty@hvc0.service", "hvc0")]
    [InlineData("console-getty.service", "console")]
    [InlineData("getty-static.service", null)]
    [InlineData("getty@.service", null)]
    [InlineData("autovt@tty1.service", null)]
    public void Units(string unit, string? terminal) => Assert.Equal(terminal, LoginTerminals.FromUnitName(unit));

    [Fact]
    public void Systemd_wants_without_masked_ones()
    {
        var guest = new MemoryGuest()
            .Link("/etc/systemd/system/getty.target.wants/getty@tty1.service", "/lib/systemd/system/getty@.service")
            .Link("/etc/systemd/system/getty.target.wants/serial-getty@hvc0.service", "/lib/systemd/system/serial-getty@.service")
            .Link("/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service", "/lib/systemd/system/serial-getty@.service")
            .Link("/etc/systemd/system/serial-getty@ttyS0.service", "/dev/null");

        Assert.Equal(["hvc0", "tty1"], LoginTerminals.Read(guest.Reader));
    }

    [Fact]
    public void Upstart_of_ubuntu_and_red_hat_6()
    {
        var guest = new MemoryGuest()
            .File("/etc/init/tty1.conf", "start on stopped rc\nrespawn\nexec /sbin/getty -8 38400 tty1\n")
            .File("/etc/init/hvc0.conf", "respawn\nexec /sbin/getty -8 38400 hvc0\n")
            .File("/etc/init/tty2.conf", "exec /sbin/getty -8 38400 tty2\n")
            .File("/etc/init/tty2.override", "manual\n")
            .File("/etc/init/tty.conf", "instance $TTY\nexec /sbin/mingetty $TTY\n")
            .File("/etc/init/start-ttys.conf", "task\n")
            .File("/etc/sysconfig/init", "BOOTUP=color\nACTIVE_CONSOLES=/dev/tty[1-3]\n");

        Assert.Equal(["hvc0", "tty1", "tty2", "tty3"], LoginTerminals.Read(guest.Reader));
    }
}
