using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats;

/// <summary>What is known about a disk that is to be opened.</summary>
/// <param name="File">The container file. The opened disk owns it, also when opening fails.</param>
/// <param name="FileName">What to call it in messages.</param>
public sealed record DiskOpenRequest(IBlockDevice File, string FileName)
{
    /// <summary>Images that one may stand on: far above what hypervisors allow (VMware 32), far below what would exhaust the stack.</summary>
    public const int DepthLimit = 64;

    /// <summary>Which disk of a container that holds several (XVA: <c>Ref:4</c>); null for a container of one.</summary>
    public string? DiskId { get; init; }

    /// <summary>Size of the disk where the container does not say (XVA: VDI.virtual_size).</summary>
    public long? Length { get; init; }

    /// <summary>Internal snapshot, by name or id; null for the present state.</summary>
    public string? Snapshot { get; init; }

    /// <summary>Where files are that the image refers to; null refuses every reference.</summary>
    public IImageDirectory? Directory { get; init; }

    /// <summary>
    /// Whether the format was only guessed from the content, which the guest may have written: then the image may not refer to other files. False when
    /// the operator, a description, another image or the extension of the file's name says the same.
    /// </summary>
    public bool IsFormatGuessed { get; init; }

    /// <summary>Images above this one in its chain.</summary>
    public int Depth { get; init; }

    /// <summary>Takes findings that do not stop the opening: a damaged footer whose copy was used. Null for nobody.</summary>
    public Action<Diagnostic>? Report { get; init; }

    /// <summary>Opens a file that this image refers to.</summary>
    /// <exception cref="DiagnosticException">References are refused (DSK005), the chain is too deep (DSK006), or the file is not to be had (BLK003, BLK005, BLK006).</exception>
    public ReferencedFile OpenReference(string reference)
    {
        if (IsFormatGuessed)
        {
            throw DiskFormatDiagnostics.ReferenceOfGuess.ToException($"it refers to '{reference}', and only its content says that it is such an image", FileName);
        }

        if (Directory is null)
        {
            throw DiskFormatDiagnostics.ReferenceOfGuess.ToException($"it refers to '{reference}', and images here may not refer to other files", FileName);
        }

        return Depth >= DepthLimit
            ? throw DiskFormatDiagnostics.ChainTooDeep.ToException($"more than {DepthLimit} images stand on each other, the last refers to '{reference}'", FileName)
            : Directory.Open(reference);
    }

    /// <summary>Opens the image that this one stands on: a backing file or parent.</summary>
    /// <param name="reference">As the image has it, with <c>/</c> between names.</param>
    /// <param name="format">Its format where this image or its kind says it; null to look.</param>
    /// <returns>The parent; owned by the caller.</returns>
    /// <exception cref="DiagnosticException">As <see cref="OpenReference"/>, or the parent is damaged.</exception>
    public IBlockDevice OpenParent(string reference, IDiskFormat? format)
    {
        var file = OpenReference(reference);
        return KnownDiskFormats.OpenNamed(file, format, this with { DiskId = null, Length = null, Snapshot = null, Depth = Depth + 1 });
    }
}
