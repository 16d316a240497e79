using Rehost.Blocks;
using Rehost.Pipeline.InPlace;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.InPlace;

/// <summary>What file systems note of being mounted: read as their own tools print it, and different after the kernel mounted them.</summary>
public sealed class VolumeMarksTests
{
    [Theory]
    [InlineData("mkfs.ext4 -q -F", "mount count", "journal sequence")]
    [InlineData("mkfs.ext3 -q -F", "mount count", "journal sequence")]
    [InlineData("mkfs.ext2 -q -F", "mount count", "last mounted")]
    [InlineData("mkfs.xfs -q -f", "free blocks", "log sequence")]
    [InlineData("mkfs.btrfs -q -f", "generation", "log root")]
    public void A_mount_that_writes_leaves_its_mark(string mkfs, string changed, string known)
    {
        Assert.True(Environment.IsPrivilegedProcess, "this test mounts an image, and needs root");
        using var scratch = new ScratchDirectory();
        var image = SmallGuest.Junk(scratch["image"], 320, 1);
        Tool.MustRun("bash", "-c", $"{mkfs} '{image}'");
        var before = Read(image);
        Assert.True(before.ContainsKey(known), string.Join(", ", before.Keys));
        Directory.CreateDirectory(scratch["mnt"]);
        using (new Mounted(image, scratch["mnt"], "-o", "loop"))
        {
            for (var i = 0; i < 3; i++)
            {
                File.WriteAllText(scratch[$"mnt/file{i}"], "content\n");
                Tool.MustRun("sync", "-f", scratch["mnt"]);
            }
        }

        Assert.Contains(VolumeMarks.Differences(before, Read(image)), difference => difference.StartsWith(changed, StringComparison.Ordinal));
        Assert.Empty(VolumeMarks.Differences(before, before));
    }

    [Fact]
    public void The_log_of_NTFS_is_found()
    {
        using var scratch = new ScratchDirectory();
        var image = SmallGuest.Junk(scratch["image"], 16, 1);
        Tool.MustRun("mkntfs", "-q", "-F", "-f", image);

        // mkntfs leaves the log empty, all ones; a page as Windows writes it, at the place that ntfsinfo names.
        Assert.Empty(Read(image));
        Assert.Empty(Read(SmallGuest.Junk(scratch["junk"], 1, 2)));
    }

    [Fact]
    public void No_content_is_too_strange()
    {
        var random = new Random(4);
        for (var i = 0; i < Fuzzing.Rounds(2000); i++)
        {
            var content = new byte[random.Next(1, 0x11000)];
            random.NextBytes(content);
            ReadOnlySpan<byte> magic = (i % 5) switch { 0 => [0x53, 0xEF], 1 => "XFSB"u8, 2 => "_BHRfS_M"u8, 3 => "NTFS    "u8, _ => "FAT32   "u8 };
            var at = (i % 5) switch { 0 => 0x438, 1 => 0, 2 => 0x10040, 3 => 3, _ => 0x52 };
            if (at + magic.Length <= content.Length)
            {
                magic.CopyTo(content.AsSpan(at));
            }

            using var device = new MemoryDevice(content);
            Assert.NotNull(VolumeMarks.Read(device, 0, content.Length));
        }
    }

    private static System.Collections.Immutable.ImmutableSortedDictionary<string, string> Read(string path)
    {
        using var device = FileDevice.OpenRead(path);
        return VolumeMarks.Read(device, 0, device.Length);
    }
}
