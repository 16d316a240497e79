namespace Rehost.Testing;

/// <summary>
/// Disk images filled with junk that the real lvm2 works on through loop devices; needs root, and no device-mapper: nothing is activated. Once <see cref="Detach"/> was
/// called the files alone are left.
/// </summary>
public sealed class LvmDisks : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly List<string> _devices = [];
    private string _configuration = "";

    /// <summary>Makes images of a length each.</summary>
    public LvmDisks(int count, long length, int seed = 1)
    {
        for (var i = 0; i < count; i++)
        {
            Images.Add(_scratch[$"disk{i}.img"]);
            Junk(Images[i], length, seed + i);
        }
    }

    /// <summary>The images.</summary>
    public List<string> Images { get; } = [];

    /// <summary>Loop devices while attached.</summary>
    public IReadOnlyList<string> Devices => _devices;

    /// <summary>A path beside the images.</summary>
    public string this[string name] => _scratch[name];

    /// <summary>A file of junk, so that stale blocks cannot pass for zeros.</summary>
    public static void Junk(string path, long length, int seed)
    {
        var block = new byte[1 << 20];
        new Random(seed).NextBytes(block);
        using var file = File.Create(path);
        for (var done = 0L; done < length; done += block.Length)
        {
            block[0] = unchecked((byte)(block[0] + 1));
            file.Write(block.AsSpan(0, (int)Math.Min(block.Length, length - done)));
        }
    }

    /// <summary>Attaches the images, or a part of each, to loop devices.</summary>
    public void Attach(long offset = 0)
    {
        foreach (var image in Images)
        {
            _devices.Add(Tool.MustRun("losetup", "-f", "--show", "-o", offset.ToString(System.Globalization.CultureInfo.InvariantCulture), image).Trim());
        }

        var filter = string.Join(',', _devices.Select(device => $"\"a|^{device}$|\""));
        _configuration = $"devices{{filter=[{filter},\"r|.*|\"] use_devicesfile=0}} global{{event_activation=0}} activation{{monitoring=0 udev_sync=0 udev_rules=0}} backup{{backup=0 archive=0}}";
    }

    /// <summary>Runs a command of lvm2 on the attached devices.</summary>
    public string Lvm(string command, params string[] arguments) => Tool.MustRun(command, ["--config", _configuration, .. arguments]);

    /// <summary>Makes physical volumes of all devices and a group of them.</summary>
    public void MakeGroup(string name, params string[] arguments)
    {
        Lvm("pvcreate", ["-ff", "-y", .. _devices]);
        Lvm("vgcreate", [.. arguments, name, .. _devices]);
    }

    /// <summary>Makes a logical volume without activating it.</summary>
    public void MakeVolume(string group, params string[] arguments) => Lvm("lvcreate", ["--driverloaded", "n", "-an", "-Zn", "-Wn", "-y", .. arguments, group]);

    /// <summary>Writes metadata that lvm2's own tools cannot make without a kernel; lvm2 reads and checks them.</summary>
    /// <param name="group">The group.</param>
    /// <param name="edit">Changes the text of the group as it is.</param>
    public void Restore(string group, Func<string, string> edit)
    {
        var path = _scratch["metadata"];
        Lvm("vgcfgbackup", "-f", path, group);
        File.WriteAllText(path, edit(File.ReadAllText(path)));
        Lvm("vgcfgrestore", "--driverloaded", "n", "--force", "-f", path, group);
    }

    /// <summary>Lets go of the loop devices.</summary>
    public void Detach()
    {
        foreach (var device in _devices)
        {
            Tool.MustRun("losetup", "-d", device);
        }

        _devices.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Detach();
        _scratch.Dispose();
    }
}
