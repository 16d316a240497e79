using Rehost.FileSystems;
using Rehost.FileSystems.Tests;
using Rehost.Model;

namespace Rehost.Inspection.Tests;

/// <summary>A guest's tree in memory, for tests of readers that need no disk.</summary>
internal sealed class MemoryGuest
{
    public GuestTree Tree { get; } = new(new InMemoryFileSystem());

    public List<Diagnostic> Findings { get; } = [];

    public GuestReader Reader => new(Tree, Findings);

    public MemoryGuest File(string path, string text) => File(path, GuestText.Encode(text));

    public MemoryGuest File(string path, byte[] content)
    {
        Tree.CreateDirectories(path[..path.LastIndexOf('/')]);
        Tree.WriteFile(path, content);
        return this;
    }

    public MemoryGuest Link(string path, string target)
    {
        Tree.CreateDirectories(path[..path.LastIndexOf('/')]);
        Tree.CreateSymbolicLink(path, target);
        return this;
    }

    public MemoryGuest Directory(string path)
    {
        Tree.CreateDirectories(path);
        return this;
    }
}
