using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Inspection.Tests.Guests;

/// <summary>A small guest: a directory tree that mke2fs puts into a file system.</summary>
internal sealed class GuestImage : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly string _root;
    private readonly List<IBlockDevice> _devices = [];

    public GuestImage()
    {
        _root = _scratch["tree"];
        Directory.CreateDirectory(_root);
    }

    /// <summary>The disks that were inspected.</summary>
    public IReadOnlyList<IBlockDevice> Devices => _devices;

    /// <summary>What /bin/sh of an x86-64 guest begins with.</summary>
    public static byte[] Elf64 { get; } = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0];

    public static byte[] Elf32 { get; } = [0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0];

    public GuestImage File(string path, string text) => File(path, GuestText.Encode(text));

    public GuestImage File(string path, byte[] content)
    {
        System.IO.File.WriteAllBytes(Host(path), content);
        return this;
    }

    public GuestImage Link(string path, string target)
    {
        System.IO.File.CreateSymbolicLink(Host(path), target);
        return this;
    }

    public GuestImage Folder(string path)
    {
        Directory.CreateDirectory(Path.Combine(_root, path.TrimStart('/')));
        return this;
    }

    /// <summary>An image whose setup header says a release (boot.rst, kernel_version).</summary>
    public static byte[] Kernel(string release)
    {
        var image = new byte[0x4000];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x020f);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x20e), 0x3000);
        Encoding.ASCII.GetBytes($"{release} (builder@host) #1 SMP").CopyTo(image.AsSpan(0x3200));
        image[0x1fe] = 0x55;
        image[0x1ff] = 0xaa;
        return image;
    }

    /// <summary>An initramfs with files of these paths, packed by cpio and compressed as gzip.</summary>
    public static byte[] Initramfs(params (string Path, string Text)[] files)
    {
        using var scratch = new ScratchDirectory();
        foreach (var (path, text) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(scratch[path]) ?? "");
            System.IO.File.WriteAllText(scratch[path], text);
        }

        Tool.MustRun("sh", "-c", $"cd '{scratch.Path}' && find . -mindepth 1 | cpio --quiet -o -H newc > ../$(basename '{scratch.Path}').cpio");
        var archive = scratch.Path + ".cpio";
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(System.IO.File.ReadAllBytes(archive));
        }

        System.IO.File.Delete(archive);
        return packed.ToArray();
    }

    /// <summary>Puts the tree, or a part of it, into a file system.</summary>
    public string MakeFileSystem(string name, int mebibytes, string? part = null, params string[] options)
    {
        var path = _scratch[name];
        var source = part is null ? _root : Path.Combine(_root, part.TrimStart('/'));
        Tool.MustRun("mke2fs", [.. (string[])["-q", "-F", "-E", "root_owner=0:0"], .. options, "-d", source, path, $"{mebibytes}M"]);
        if (part is not null)
        {
            // It is mounted there: in the tree above, the directory is empty.
            Directory.Delete(source, recursive: true);
            Directory.CreateDirectory(source);
        }

        return path;
    }

    /// <summary>Puts the tree into a Btrfs that the kernel mounts; the script runs in its top level and finds the tree in $TREE. Needs root.</summary>
    public string[] MakeBtrfs(string name, int devices, string mkfs, string script)
    {
        var files = Enumerable.Range(0, devices).Select(index => _scratch[$"{name}{index}"]).ToArray();
        for (var i = 0; i < devices; i++)
        {
            LvmDisks.Junk(files[i], 160 << 20, i + 1);
        }

        Tool.MustRun("sh", "-c", $"mkfs.btrfs -q -f -K {mkfs} {string.Join(' ', files)}");
        var loops = new List<string>();
        try
        {
            foreach (var file in files)
            {
                loops.Add(Tool.MustRun("losetup", "-f", "--show", file).Trim());
            }

            Directory.CreateDirectory(_scratch[name + ".mounted"]);
            using var mounted = new Mounted(loops[0], _scratch[name + ".mounted"], "-o", string.Join(',', loops.Select(loop => "device=" + loop)));
            Tool.MustRun("bash", "-c", $"set -e; TREE='{_root}'; cd '{_scratch[name + ".mounted"]}'\n{script}\n");
        }
        finally
        {
            loops.ForEach(loop => Tool.Run("losetup", "-d", loop));
        }

        return files;
    }

    public string Scratch(string name) => _scratch[name];

    /// <summary>Inspects disks given as device name and image file.</summary>
    public InspectedGuest Inspect(params (string Device, string Path)[] disks) => Inspect("", disks);

    public InspectedGuest Inspect(string commandLine, params (string Device, string Path)[] disks)
    {
        var devices = disks.Select(disk => (IBlockDevice)new OverlayDevice(FileDevice.OpenRead(disk.Path), OverlayStore.InMemory(), ownsBelow: true)).ToList();
        _devices.AddRange(devices);
        var machine = new VirtualMachine
        {
            Name = "guest",
            Hypervisor = Hypervisor.Xen,
            Mode = VirtualizationMode.Paravirtual,
            ParavirtualBoot = new ParavirtualBoot("pygrub", null, null, commandLine),
            Disks = [.. disks.Zip(devices, (disk, device) => new VirtualDisk { Id = disk.Device, DeviceName = disk.Device, LengthBytes = device.Length })],
            NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:00:00:01" }],
        };
        return GuestInspector.Open(machine, devices, ["/etc/fstab", "/etc/inittab", "/etc/securetty"]);
    }

    public void Dispose()
    {
        _devices.ForEach(device => device.Dispose());
        _scratch.Dispose();
    }

    private string Host(string path)
    {
        var host = Path.Combine(_root, path.TrimStart('/'));
        Directory.CreateDirectory(Path.GetDirectoryName(host) ?? "");
        return host;
    }
}
