using Rehost.Blocks;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline.Images;

/// <summary>Notes every file that an image refers to: what a source consists of, to notice that somebody changes it.</summary>
internal sealed class RecordingDirectory(IImageDirectory inner, List<SourceFile> files, Action<IBlockDevice> opened) : IImageDirectory
{
    public ReferencedFile Open(string reference)
    {
        var found = inner.Open(reference);
        opened(found.File);
        files.Add(SourceFile.Of(found.Name));
        return found with { Directory = new RecordingDirectory(found.Directory, files, opened) };
    }

    public IEnumerable<string> List() => inner.List();

    public bool Exists(string reference) => inner.Exists(reference);
}
