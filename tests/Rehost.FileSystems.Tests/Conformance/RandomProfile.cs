using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>One point of a feature matrix, and the witnesses that judge what is done to it.</summary>
internal abstract record RandomProfile(string Name, int BlockSize)
{
    /// <summary>How far away a write may be.</summary>
    public long Farthest { get; init; } = 3_000_000;

    /// <summary>Fraction of the operations to run, for those that are slow.</summary>
    public double Share { get; init; } = 1;

    /// <summary>Whether the operations must fill it.</summary>
    public bool BecomesFull { get; init; }

    public abstract void MakeImage(string image);

    public abstract IFileSystem Open(IBlockDevice device);

    /// <summary>What the field's checker says against an image; null when it is clean.</summary>
    public abstract string? FindFault(string image);

    /// <summary>Lets another implementation read the whole image and compares.</summary>
    public abstract void CompareWithWitness(InMemoryFileSystem model, string image, ScratchDirectory scratch);

    public override string ToString() => Name;
}
