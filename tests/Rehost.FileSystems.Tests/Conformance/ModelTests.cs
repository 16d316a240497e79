namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>The test's own tools, tried on the model itself.</summary>
public sealed class ModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_model_agrees_with_itself(int seed)
    {
        using var pair = new ModelledFileSystem(new InMemoryFileSystem(), 4096, 1 << 30);
        foreach (var operation in FileOperation.Generate(seed, 3000))
        {
            pair.Apply(operation);
        }

        Assert.True(pair.Model.NodeCount > 500);
        ModelComparison.Compare(pair.Model, pair.Subject);
    }

    [Fact]
    public void A_difference_is_found()
    {
        using var pair = new ModelledFileSystem(new InMemoryFileSystem(), 4096, 1 << 30);
        foreach (var operation in FileOperation.Generate(3, 500))
        {
            pair.Apply(operation);
        }

        var entry = pair.Subject.List(pair.Subject.Root).First(entry => entry.Kind == NodeKind.File && pair.Subject.GetMetadata(entry.Node).Length > 0);
        pair.Subject.Write(entry.Node, pair.Subject.GetMetadata(entry.Node).Length - 1, [(byte)(255 - ReadLast(pair.Subject, entry.Node))]);
        Assert.Contains("content differs", Assert.Throws<ConformanceFailure>(() => ModelComparison.Compare(pair.Model, pair.Subject)).Message, StringComparison.Ordinal);
    }

    private static byte ReadLast(IFileSystem fileSystem, NodeId node)
    {
        var last = new byte[1];
        fileSystem.Read(node, fileSystem.GetMetadata(node).Length - 1, last);
        return last[0];
    }
}
