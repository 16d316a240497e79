using Rehost.Blocks;
using Rehost.Testing;
using Rehost.Volumes.Stack;

namespace Rehost.Volumes.Tests;

/// <summary>Disk images opened for writing, and the volumes that are put together from them.</summary>
internal sealed class StackBench : IDisposable
{
    private readonly List<FileDevice> _devices = [];

    public StackBench(IEnumerable<string> images, Rehost.Volumes.Luks.VolumeKeys? keys = null)
    {
        foreach (var image in images)
        {
            _devices.Add(FileDevice.OpenReadWrite(image));
        }

        Stack = VolumeStack.Assemble([.. _devices.Select((device, index) => new StackDisk("sd" + (char)('a' + index), device))], keys);
    }

    public VolumeStack Stack { get; }

    public VolumeNode this[string name] => Stack.Nodes.Single(node => node.Name == name);

    /// <summary>An ext4 file system with some files, as a file of its own.</summary>
    public static string MakeFileSystem(string path, long length, int seed)
    {
        using var tree = new ScratchDirectory();
        var random = new Random(seed);
        for (var i = 0; i < 5; i++)
        {
            var content = new byte[random.Next(1, (int)Math.Min(length / 16, 900_000))];
            random.NextBytes(content);
            File.WriteAllBytes(tree[$"file{i}"], content);
        }

        using (FileDevice.Create(path, length))
        {
        }

        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-O", "^64bit,^metadata_csum", "-d", tree.Path, path);
        return path;
    }

    /// <summary>Writes a file's bytes into a volume in pieces of odd sizes and order.</summary>
    public static void Fill(IBlockDevice volume, string path, int seed)
    {
        var content = File.ReadAllBytes(path);
        var random = new Random(seed);
        var cuts = new SortedSet<int> { 0, content.Length };
        for (var i = 0; i < 60; i++)
        {
            cuts.Add(random.Next(content.Length));
        }

        var pieces = cuts.Zip(cuts.Skip(1)).ToArray();
        random.Shuffle(pieces);
        foreach (var (from, to) in pieces)
        {
            volume.Write(new GuestOffset(from), content.AsSpan(from, to - from));
        }

        volume.Flush();
        var read = new byte[content.Length];
        volume.Read(GuestOffset.Zero, read);
        Assert.True(content.AsSpan().SequenceEqual(read));
    }

    /// <summary>Has GRUB, which has its own readers of LVM and RAID, compare a file in a volume on the disks with one in a file system of its own.</summary>
    public static void AssertGrubReads(IReadOnlyList<string> images, string volume, string fileSystem)
    {
        using var scratch = new ScratchDirectory();
        for (var i = 0; i < 5; i++)
        {
            var local = scratch[$"file{i}"];
            Tool.MustRun("debugfs", "-R", $"dump /file{i} {local}", fileSystem);
            var result = Tool.Run("grub-fstest", ["-c", images.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), .. images, "-r", volume, "cmp", $"/file{i}", local]);
            Assert.True(result.ExitCode == 0 && !result.Output.Contains("differ", StringComparison.OrdinalIgnoreCase), $"{volume}: {result.Output} {result.Error}");
        }
    }

    public void Dispose() => _devices.ForEach(device => device.Dispose());
}
