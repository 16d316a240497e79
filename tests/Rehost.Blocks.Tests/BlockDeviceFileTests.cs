using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Blocks.Tests;

/// <summary>A loop device stands for a disk, a partition or a logical volume. Needs root.</summary>
public sealed class BlockDeviceFileTests
{
    [Fact]
    public void WritesZeroesAndMinds()
    {
        using var scratch = new ScratchDirectory();
        var junk = new byte[4 << 20];
        new Random(1).NextBytes(junk);
        File.WriteAllBytes(scratch["disk"], junk);
        using var loop = new LoopDevice(scratch["disk"]);
        Assert.True(BlockDeviceFile.IsBlockDevice(loop.Path));
        Assert.False(BlockDeviceFile.IsBlockDevice(scratch["disk"]));
        var expected = (byte[])junk.Clone();
        using (var device = BlockDeviceFile.Open(loop.Path))
        {
            Assert.Equal(junk.Length, device.Capacity);
            Assert.False(device.IsFresh);
            device.SetLength(junk.Length - 512);
            Assert.Equal("BLK008", Assert.Throws<DiagnosticException>(() => device.SetLength(junk.Length + 1)).Diagnostic.Id);
            Assert.Equal("BLK008", Assert.Throws<DiagnosticException>(() => device.Write(new FileOffset(junk.Length - 1), [1, 2])).Diagnostic.Id);

            // A second opener is refused by the kernel while we hold it.
            Assert.Equal("BLK007", Assert.Throws<DiagnosticException>(() => BlockDeviceFile.Open(loop.Path)).Diagnostic.Id);
            foreach (var (offset, length) in new[] { (0, 4096), (5000, 100), (9000, 300_000), (1 << 20, 1 << 20), (3_500_001, 70_001) })
            {
                device.WriteZeros(new FileOffset(offset), length);
                expected.AsSpan(offset, length).Clear();
            }

            device.Write(new FileOffset(2_500_000), [1, 2, 3]);
            new byte[] { 1, 2, 3 }.CopyTo(expected, 2_500_000);
            device.Flush();
        }

        using var read = FileDevice.OpenRead(loop.Path);
        var content = new byte[junk.Length];
        read.Read(GuestOffset.Zero, content);
        Assert.True(content.AsSpan().SequenceEqual(expected));
    }

    [Fact]
    public void WhatIsMountedIsNotOverwritten()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("mkfs.ext4", "-q", scratch["disk"], "8M");
        Directory.CreateDirectory(scratch["mnt"]);
        using var loop = new LoopDevice(scratch["disk"]);
        using (new Mounted(loop.Path, scratch["mnt"]))
        {
            Assert.Equal("BLK007", Assert.Throws<DiagnosticException>(() => BlockDeviceFile.Open(loop.Path)).Diagnostic.Id);
        }
    }

    [Fact]
    public void OtherThingsAreNoBlockDevices()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["file"], "");
        foreach (var path in new[] { scratch["file"], scratch["missing"], "/dev/null", scratch.Path })
        {
            Assert.Equal("BLK007", Assert.Throws<DiagnosticException>(() => BlockDeviceFile.Open(path)).Diagnostic.Id);
        }
    }
}
