namespace Rehost.Pipeline.Sources;

/// <summary>One kind of source.</summary>
internal interface ISourceKind
{
    /// <summary>Name as --source-kind takes it.</summary>
    string Name { get; }

    /// <summary>Whether a file looks like this kind, by its first bytes.</summary>
    bool Identify(string path, ReadOnlySpan<byte> head);

    /// <summary>Opens it.</summary>
    OpenSource Open(SourceRequest request, CancellationToken cancellationToken);
}
