using Rehost.Blocks;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>File systems that were copied in use or stopped in the middle: our code and the kernel's own recovery must come to the same tree.</summary>
public sealed class XfsLogTests
{
    /// <summary>Leaves much of everything in the log: new and removed inodes, maps that grow, shared blocks, attributes, links, files that only an open handle keeps.</summary>
    private const string Work = """
        mkdir -p a/b/c; for i in $(seq 300); do echo $i > a/file-$i; done; for i in $(seq 40); do seq $((i * 50)) > a/b/text-$i; done; sync
        rm a/file-*[37]; mv a/b/text-4 a/moved; ln -s $(printf '%*s' 700 | tr ' ' t) a/long; ln a/moved a/b/hard; chmod 4750 a/moved
        for i in $(seq 0 2 400); do echo "pwrite -q $((i * 4096)) 4096"; done | xfs_io -f pieces > /dev/null
        for i in $(seq 40); do setfattr -n user.number-$i -v "$(seq -s, $i 60)" a/moved; done; setfattr -n user.small -v x pieces
        cp --reflink=auto pieces shared; cp --reflink=auto a/b/text-40 again; printf X | dd of=shared bs=1 seek=40960 conv=notrunc status=none
        mkdir many; cd many; seq -f 'a-name-of-some-length-%g' 1200 | xargs touch; rm -f *7; cd ..
        exec 7<> a/b/text-30; exec 8<> again; rm a/b/text-30 again; truncate -s 100000 pieces; fallocate -l 300000 allocated; fallocate -p -o 40960 -l 81920 pieces || true
        """;

    [Theory]
    [InlineData("", "shutdown -f")]
    [InlineData("-m rmapbt=1 -b size=1024", "shutdown -f")]
    [InlineData("-m rmapbt=1 -l size=24m,su=64k", "shutdown -f")]
    [InlineData("-m crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0 -n size=16384", "shutdown -f")]
    [InlineData("-m rmapbt=1 -i nrext64=1 -s size=4096", "shutdown")]
    [InlineData("-m rmapbt=1", "")]
    public void A_log_is_replayed_as_the_kernel_does(string mkfs, string stop)
    {
        using var scratch = new ScratchDirectory();
        var (image, copy) = (new XfsProfile("dirty", mkfs, 128).Make(scratch), scratch["copy"]);
        var mounted = Directory.CreateDirectory(scratch["mounted"]).FullName;
        using (new Mounted(image, mounted, "-o", "loop"))
        {
            // A copy of a mounted image is what a snapshot of a running guest is.
            var end = stop.Length > 0 ? $"xfs_io -x -c '{stop}' . || true" : $"sync; sync -f .; cp --sparse=always '{image}' '{copy}'";
            Tool.MustRun("bash", "-c", $"set -e; cd '{mounted}'\n{Work}\n{end}");
        }

        if (stop.Length > 0)
        {
            Tool.MustRun("cp", "--sparse=always", image, copy);
        }
        else
        {
            Tool.MustRun("cp", "--sparse=always", copy, image);
        }

        using (var reading = FileDevice.OpenRead(copy))
        {
            Assert.Equal("XFS008", Assert.Throws<DiagnosticException>(() => XfsProfile.Open(reading)).Diagnostic.Id);
        }

        // The kernel's own recovery, beside ours.
        new Mounted(image, mounted, "-o", "loop").Dispose();
        using (new Mounted(image, mounted, "-o", "loop,ro"))
        using (var device = FileDevice.OpenReadWrite(copy))
        using (var fileSystem = XfsProfile.Open(device))
        {
            HostTree.Compare(new GuestTree(fileSystem), mounted, scratch["list"]);
            Assert.Empty(fileSystem.Check());
        }

        Assert.Null(XfsProfile.FindFault(copy));

        // It can be written, by us and by the kernel.
        using (var device = FileDevice.OpenReadWrite(copy))
        using (var fileSystem = XfsProfile.Open(device))
        {
            var tree = new GuestTree(fileSystem);
            tree.WriteFile("/a/ours", "ours"u8);
            tree.DeleteFile("/many/a-name-of-some-length-1");
            tree.Flush();
        }

        Assert.Null(XfsProfile.FindFault(copy));
        using (new Mounted(copy, mounted, "-o", "loop"))
        {
            Tool.MustRun("bash", "-c", $"set -e; cd '{mounted}'; grep -q ours a/ours; for i in $(seq 200); do echo $i > kernel-$i; done; rm -rf many");
        }

        Assert.Null(XfsProfile.FindFault(copy));
    }
}
