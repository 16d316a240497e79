using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>Xen's own boot loader, asked what it would start.</summary>
internal static class Pygrub
{
    /// <summary>It finds kernel and initramfs (without -n it takes them out), and a console on hvc0. Returns the lines that it prints.</summary>
    public static string[] Ask(ScratchDirectory scratch, string disk)
    {
        Directory.CreateDirectory(scratch["pygrub"]);
        var pygrub = Directory.GetDirectories("/usr/lib", "xen-*").Select(directory => directory + "/bin/pygrub").Last(File.Exists);
        var found = Tool.MustRun(pygrub, "-q", $"--output-directory={scratch["pygrub"]}", "--output-format=simple", disk).Split('\n');
        foreach (var kind in new[] { "kernel", "ramdisk" })
        {
            var line = Assert.Single(found, line => line.StartsWith(kind + " ", StringComparison.Ordinal));
            Assert.True(new FileInfo(line[(kind.Length + 1)..]).Length > 1 << 20, line);
        }

        Assert.Contains(found, line => line.StartsWith("args ", StringComparison.Ordinal) && line.Contains("console=hvc0", StringComparison.Ordinal));
        Directory.Delete(scratch["pygrub"], recursive: true);
        return found;
    }
}
