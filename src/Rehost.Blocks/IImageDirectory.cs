using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// The files that an image may refer to: extents, backing files, parents, the disks of a description. What images say is hostile: nothing outside of the
/// directory can be reached through this, whatever a reference looks like.
/// </summary>
public interface IImageDirectory
{
    /// <summary>Opens a file for reading.</summary>
    /// <param name="reference">
    /// As the image has it, with <c>/</c> between names: relative to the file that it was found in, or absolute. Windows' separators are the caller's to translate.
    /// </param>
    /// <exception cref="DiagnosticException">There is no such file (BLK005), it lies elsewhere or is no file (BLK006), or it cannot be read (BLK003).</exception>
    ReferencedFile Open(string reference);

    /// <summary>Whether <see cref="Open"/> would find a file. False for one that lies elsewhere.</summary>
    bool Exists(string reference);

    /// <summary>
    /// References to the files beside the one that refers, and to those in directories that the operator allowed: for images that know their parent by an
    /// id alone. Not of directories below; bounded, in a fixed order. Empty where nobody can tell.
    /// </summary>
    IReadOnlyList<string> List() => [];
}

/// <summary>A file that an image referred to.</summary>
/// <param name="File">The file; owned by the caller.</param>
/// <param name="Name">What to call it in messages.</param>
/// <param name="Directory">Where its own references are taken from.</param>
public sealed record ReferencedFile(IBlockDevice File, string Name, IImageDirectory Directory);
