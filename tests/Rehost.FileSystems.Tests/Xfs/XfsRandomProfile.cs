using Rehost.Blocks;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>An XFS for random operations. Links of 1024 bytes are not possible, whatever the block size.</summary>
internal sealed record XfsRandomProfile : RandomProfile
{
    private readonly XfsProfile _profile;

    public XfsRandomProfile(XfsProfile profile)
        : base(profile.Name, 1024)
    {
        _profile = profile;
        (Farthest, Share, BecomesFull) = (profile.Farthest, profile.Share, profile.BecomesFull);
    }

    public override int Batches => 3;

    public override bool NumbersLast => true;

    /// <summary>Blocks that the free lists of the groups hold count as used by some and as free by others.</summary>
    public override bool IsFreeSpaceExact => false;

    public override void MakeImage(string image)
    {
        using var scratch = new ScratchDirectory();
        File.Move(_profile.Make(scratch), image);
    }

    public override IFileSystem Open(IBlockDevice device) => XfsProfile.Open(device);

    public override void Adopt(ModelledFileSystem pair) => pair.Adopt(untouched: "filler");

    public override string? FindFault(string image) => XfsProfile.FindFault(image);

    public override void CompareWithWitness(InMemoryFileSystem model, string image, ScratchDirectory scratch)
    {
        if (!_profile.IsMountable || !Environment.IsPrivilegedProcess)
        {
            return;
        }

        var directory = Directory.CreateDirectory(scratch["witness"]).FullName;
        using (new Mounted(image, directory, "-o", "loop,ro"))
        {
            MountedTree.Compare(model, directory, scratch["list"], isMount: true);
        }

        if (BecomesFull)
        {
            return;
        }

        // The kernel must be able to go on from here.
        using (new Mounted(image, directory, "-o", "loop"))
        {
            Tool.MustRun("bash", "-c", $"set -e; cd '{directory}'; mkdir -p kernel/sub; for i in $(seq 150); do echo $i > kernel/sub/a-file-of-the-kernel-$i; done; rm -rf $(ls | head -n 5 | grep -E '^n[0-9]+$'); sync; rm -rf kernel/sub");
        }

        if (XfsProfile.FindFault(image) is { } fault)
        {
            throw new ConformanceFailure("after the kernel wrote: " + fault);
        }
    }

    public override string ToString() => Name;
}
