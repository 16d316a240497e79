using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>One point of a file system's feature matrix on which random operations run beside a model.</summary>
internal abstract record ModelledProfile(string Name, int BlockSize)
{
    /// <summary>How far away a sparse write may be; small where the witness writes holes out.</summary>
    public virtual long Farthest { get; init; } = 600_000_000;

    /// <summary>Fraction of the operations to run, for those that are slow.</summary>
    public double Share { get; init; } = 1;

    /// <summary>Whether the operations must fill it.</summary>
    public bool BecomesFull { get; init; }

    /// <summary>How often the checker is asked on the way.</summary>
    public virtual int Batches => 4;

    /// <summary>Whether nodes keep their numbers when the file system is opened anew.</summary>
    public virtual bool NumbersLast => false;

    /// <summary>What makes a name impossible, where the file system has rules of its own.</summary>
    public virtual Func<string, string?>? FindNameFault => null;

    public abstract ImageUnderTest Make(ScratchDirectory scratch);

    public override string ToString() => Name;
}
