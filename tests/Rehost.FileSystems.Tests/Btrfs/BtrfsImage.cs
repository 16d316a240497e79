using Rehost.Blocks;
using Rehost.FileSystems.Btrfs;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>A Btrfs on one or several files, each on a loop device while it is mounted; full of junk before mkfs, so that stale blocks show.</summary>
internal sealed class BtrfsImage : IDisposable
{
    private readonly List<FileDevice> _open = [];

    public BtrfsImage(ScratchDirectory scratch, string mkfs, int devices, int mebibytes)
    {
        MountPoint = scratch["mounted"];
        Directory.CreateDirectory(MountPoint);
        for (var i = 0; i < devices; i++)
        {
            Files.Add(scratch[$"disk{i}"]);
            var junk = new byte[8 << 20];
            new Random(i).NextBytes(junk);
            using var file = File.Create(Files[i]);
            for (var written = 0; written < mebibytes; written += 8)
            {
                file.Write(junk);
            }
        }

        Tool.MustRun("sh", "-c", $"mkfs.btrfs -q -f -K {mkfs} {string.Join(' ', Files.Select(file => $"'{file}'"))}");
    }

    public List<string> Files { get; } = [];

    public string MountPoint { get; }

    /// <summary>Runs a script in the mounted file system.</summary>
    public void Fill(string options, string script)
    {
        using var mounted = Mount(options);
        Tool.MustRun("bash", "-c", $"set -e; cd '{MountPoint}'\n{script}\n");
    }

    public IDisposable Mount(string options) => new LoopMount(Files, MountPoint, options);

    public BtrfsFileSystem Open() => BtrfsFileSystem.Open(Device(0), new FileSystemOpenOptions { Companions = [.. Enumerable.Range(0, Files.Count).Select(Device)] });

    /// <summary>Opens all devices for writing; close them before a mount.</summary>
    public BtrfsFileSystem OpenToWrite()
    {
        var devices = Files.Select(file => (IBlockDevice)FileDevice.OpenReadWrite(file)).ToList();
        _open.AddRange(devices.Cast<FileDevice>());
        return BtrfsFileSystem.Open(devices[0], new FileSystemOpenOptions { Timestamp = DateTimeOffset.UnixEpoch.AddYears(50), Companions = devices });
    }

    /// <summary>What btrfs check says; null when all is well.</summary>
    public string? FindFault()
    {
        var loops = new List<string>();
        try
        {
            // It finds the other devices of a file system only among block devices.
            if (Files.Count > 1)
            {
                loops = [.. Files.Select(file => Tool.MustRun("losetup", "-f", "--show", file).Trim())];
            }

            var check = Tool.Run("btrfs", ["check", "--readonly", "--check-data-csum", loops.Count > 0 ? loops[0] : Files[0]]);
            return check.ExitCode == 0 ? null : $"btrfs check exits with {check.ExitCode}:\n{check.Output}{check.Error}";
        }
        finally
        {
            loops.ForEach(loop => Tool.MustRun("losetup", "-d", loop));
        }
    }

    public IBlockDevice Device(int index)
    {
        var device = FileDevice.OpenRead(Files[index]);
        _open.Add(device);
        return device;
    }

    /// <summary>Changes the superblocks of the first device, and makes their checksums (crc32c) good again.</summary>
    public void EditSuperblock(Action<byte[]> change)
    {
        using var file = new FileStream(Files[0], FileMode.Open, FileAccess.ReadWrite);
        foreach (var offset in new[] { 64L << 10, 64L << 20 })
        {
            var bytes = new byte[4096];
            file.Position = offset;
            file.ReadExactly(bytes);
            change(bytes);
            BitConverter.TryWriteBytes(bytes, Rehost.Blocks.Checksums.Crc32C.Of(bytes.AsSpan(32)));
            file.Position = offset;
            file.Write(bytes);
        }
    }

    /// <summary>Changes one byte in each place that a text has on a device; returns how many there were.</summary>
    public int Spoil(int index, byte[] text)
    {
        var content = File.ReadAllBytes(Files[index]);
        var count = 0;
        for (var at = content.AsSpan().IndexOf(text); at >= 0; count++)
        {
            content[at] ^= 0x20;
            var next = content.AsSpan(at + 1).IndexOf(text);
            at = next < 0 ? -1 : at + 1 + next;
        }

        File.WriteAllBytes(Files[index], content);
        return count;
    }

    /// <summary>Closes what was opened, so that nothing else sees old content.</summary>
    public void Close()
    {
        _open.ForEach(device => device.Dispose());
        _open.Clear();
    }

    public void Dispose() => Close();

    private sealed class LoopMount : IDisposable
    {
        private readonly List<string> _loops = [];
        private readonly Mounted _mounted;

        public LoopMount(List<string> files, string directory, string options)
        {
            try
            {
                files.ForEach(file => _loops.Add(Tool.MustRun("losetup", "-f", "--show", file).Trim()));
                var devices = string.Join(',', _loops.Select(loop => $"device={loop}"));
                _mounted = new Mounted(_loops[0], directory, "-t", "btrfs", "-o", options.Length == 0 ? devices : $"{options},{devices}");
            }
            catch
            {
                Detach();
                throw;
            }
        }

        public void Dispose()
        {
            _mounted.Dispose();
            Detach();
        }

        private void Detach() => _loops.ForEach(loop => Tool.MustRun("losetup", "-d", loop));
    }
}
