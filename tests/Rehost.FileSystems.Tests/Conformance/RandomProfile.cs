using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>One point of the feature matrix of a file system in one file, and the witnesses that judge what is done to it.</summary>
internal abstract record RandomProfile(string Name, int BlockSize) : ModelledProfile(Name, BlockSize)
{
    /// <summary>Whether every byte that counts as free is in a free range.</summary>
    public virtual bool IsFreeSpaceExact => true;

    public abstract void MakeImage(string image);

    public abstract IFileSystem Open(IBlockDevice device);

    /// <summary>What to do with what the tools made, before the first operation.</summary>
    public virtual void Adopt(ModelledFileSystem pair)
    {
    }

    /// <summary>What the field's checker says against an image; null when it is clean.</summary>
    public abstract string? FindFault(string image);

    /// <summary>Lets another implementation read the whole image and compares.</summary>
    public abstract void CompareWithWitness(InMemoryFileSystem model, string image, ScratchDirectory scratch);

    public sealed override ImageUnderTest Make(ScratchDirectory scratch) => new FileUnderTest(this, scratch);

    public override string ToString() => Name;
}
