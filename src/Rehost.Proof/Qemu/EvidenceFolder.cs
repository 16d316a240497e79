using System.Text;

namespace Rehost.Proof.Qemu;

/// <summary>
/// The directory that a boot's evidence goes to. What a guest says on its console is the guest's data: only the owner may read it. Every file is made anew, so that nothing
/// that somebody else has put there, a link for example, is written through.
/// </summary>
internal sealed class EvidenceFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private EvidenceFolder(string path) => Path = path;

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>Makes the directory unless it is there.</summary>
    public static EvidenceFolder Make(string path)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        }

        return new EvidenceFolder(path);
    }

    /// <summary>Path of a file.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a file anew.</summary>
    public FileStream Create(string name)
    {
        File.Delete(this[name]);
        return new FileStream(this[name], new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, UnixCreateMode = OwnerOnly });
    }

    /// <summary>Writes a whole file.</summary>
    public void Write(string name, ReadOnlySpan<byte> content)
    {
        using var file = Create(name);
        file.Write(content);
    }

    /// <summary>Writes a whole file.</summary>
    public void Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    /// <summary>Removes what an earlier run left.</summary>
    public void Remove(string name) => File.Delete(this[name]);
}
