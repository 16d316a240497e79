using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>Images whose journal the kernel itself left dirty: mounted, written, synced, and copied while mounted. Needs root and loop devices, as CI has.</summary>
internal static class JournalImages
{
    /// <summary>Makes a file system, lets a script work in it with $m as the mount point, and copies it with what is only in the journal.</summary>
    public static string MakeDirty(ScratchDirectory scratch, string mke2fsArguments, string size, string mountOptions, string script)
    {
        var (image, dirty, mount) = (scratch["live.img"], scratch["dirty.img"], scratch["mnt"]);
        Directory.CreateDirectory(mount);
        File.Delete(image);
        File.Delete(dirty);

        // Junk first: on a zeroed image, stale blocks that should not be read look like holes.
        Tool.MustRun("sh", "-c", $"truncate -s {size} '{image}' && yes stale-junk- | head -c $(stat -c %s '{image}') > '{image}' && mke2fs -q -F {mke2fsArguments} '{image}'");
        using var mounted = new Mounted(image, mount, "-o", "loop" + (mountOptions.Length == 0 ? "" : "," + mountOptions));
        Tool.MustRun("bash", "-c", $"set -e; m='{mount}'; {script}\nsync -f '{mount}'; cp --sparse=always '{image}' '{dirty}'");

        return dirty;
    }

    public static string Copy(ScratchDirectory scratch, string image, string name)
    {
        var copy = scratch[name];
        Tool.MustRun("cp", "--sparse=always", image, copy);
        return copy;
    }
}
