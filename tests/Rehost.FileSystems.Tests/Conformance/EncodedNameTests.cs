using Rehost.Blocks;
using Rehost.FileSystems.Tests.Btrfs;
using Rehost.FileSystems.Tests.Ext;
using Rehost.FileSystems.Tests.Xfs;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Names in every encoding are kept byte for byte, as the kernel and the checkers see them.</summary>
public sealed class EncodedNameTests
{
    [Theory]
    [InlineData("ext2-2005")]
    [InlineData("ext2-plain")]
    [InlineData("ext4")]
    [InlineData("ext4-1k")]
    [InlineData("ext4-inline")]
    public void On_ext(string features)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, features);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = ExtImages.Open(device))
        {
            EncodedNames.Exercise(fileSystem);
            fileSystem.Flush();
        }

        ExtImages.MustBeClean(image);
        Directory.CreateDirectory(scratch["mounted"]);
        using var mounted = new Mounted(image, scratch["mounted"], "-o", "loop,ro");
        EncodedNames.Compare(EncodedNames.ToModel(), scratch["mounted"], scratch["list"]);
    }

    [Theory]
    [InlineData("v5-today")]
    [InlineData("v5-1k")]
    public void On_XFS(string name)
    {
        using var scratch = new ScratchDirectory();
        var profile = XfsProfile.All.Single(candidate => candidate.Name == name);
        var image = profile.Make(scratch);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = XfsProfile.Open(device))
        {
            EncodedNames.Exercise(fileSystem);
            fileSystem.Flush();
        }

        Assert.Null(XfsProfile.FindFault(image));
        Directory.CreateDirectory(scratch["mounted"]);
        using var mounted = new Mounted(image, scratch["mounted"], "-o", "loop,ro");
        EncodedNames.Compare(EncodedNames.ToModel(), scratch["mounted"], scratch["list"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--mixed -n 4096 -s 4096")]
    public void On_Btrfs(string mkfs)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, 1, 160);
        using (var fileSystem = disks.OpenToWrite())
        {
            EncodedNames.Exercise(fileSystem);
            fileSystem.Flush();
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using var mounted = disks.Mount("ro");
        EncodedNames.Compare(EncodedNames.ToModel(), disks.MountPoint, scratch["list"]);
    }
}
