using Rehost.Blocks;
using Rehost.Fuzz.Engine;

namespace Rehost.Fuzz.Seeds;

/// <summary>The files of an input as the directory that an image's references lead to: 0, 1, 2 … with any name that ends so before its extension.</summary>
internal sealed class PartDirectory(FuzzRun run, IReadOnlyList<(int Start, int Length)> places) : IImageDirectory
{
    public ReferencedFile Open(string reference)
    {
        var index = IndexOf(reference);
        return index < 0
            ? throw BlockDiagnostics.NotFound.ToException("there is none", reference)
            : new ReferencedFile(run.Device(places[index].Start, places[index].Length), reference, this);
    }

    public bool Exists(string reference) => IndexOf(reference) >= 0;

    public IReadOnlyList<string> List() => [.. Enumerable.Range(0, places.Count).Select(index => $"{index}.x")];

    private int IndexOf(string reference)
    {
        var name = Path.GetFileNameWithoutExtension(reference);
        return name.Length > 0 && name[^1] is >= '0' and <= '7' && name[^1] - '0' < places.Count ? name[^1] - '0' : -1;
    }
}
