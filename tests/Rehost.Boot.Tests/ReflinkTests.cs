using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>S1.10 without copying: where the host's file system shares blocks, a raw target takes only what was changed.</summary>
public sealed class ReflinkTests
{
    [Fact]
    public void A_raw_target_shares_its_blocks_with_the_source()
    {
        Assert.True(Environment.IsPrivilegedProcess, "this test mounts an XFS and needs root");
        using var scratch = Cli.Scratch();
        Tool.MustRun("truncate", "-s", "3G", scratch["host.img"]);
        Tool.MustRun("mkfs.xfs", "-q", scratch["host.img"]);
        Directory.CreateDirectory(scratch["host"]);
        using (new Mounted(scratch["host.img"], scratch["host"], "-o", "loop"))
        {
            File.SetUnixFileMode(scratch["host"], (UnixFileMode)0x1FF);
            Tool.MustRun("cp", "--sparse=always", Guests.File(Guests.DebianPv, "web01-root.img"), scratch["host/root.img"]);
            File.SetUnixFileMode(scratch["host/root.img"], (UnixFileMode)0x124);
            var before = Free(scratch["host"]);
            Cli.MustRun("convert", scratch["host/root.img"], "--device-name", "xvda1", "--to", "kvm", "--disk-format", "raw", "--output", scratch["host/out"]);
            var taken = before - Free(scratch["host"]);
            Assert.True(taken < 64 << 20, $"{taken} bytes were taken for a guest of 240 MiB");
            Assert.Equal(0, Cli.Run("verify", scratch["host/out"]).ExitCode);
        }
    }

    private static long Free(string directory)
    {
        Tool.MustRun("sync", "-f", directory);
        return new DriveInfo(directory).AvailableFreeSpace;
    }
}
