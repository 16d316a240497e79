using System.Collections.Immutable;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>
/// Finds the parent of a differencing image. The paths in an image are those of the machine that made it and rarely right here, so the name alone is
/// looked for beside the image too: the unique id in the parent's footer proves whether it is the one.
/// </summary>
internal static class VhdParents
{
    /// <summary>All paths that an image has, the relative ones first, each at most once.</summary>
    public static ImmutableArray<string> ReadReferences(IBlockDevice file, VhdDynamicHeader header)
    {
        uint[] order = [VhdParentLocator.WindowsRelative, VhdParentLocator.OldRelative, VhdParentLocator.FileUrl, VhdParentLocator.WindowsAbsolute, VhdParentLocator.OldAbsolute];
        var paths = order
            .SelectMany(code => header.Locators.Where(locator => locator.Code == code))
            .Select(locator => locator.ReadPath(file))
            .Append(NameOf(header))
            .OfType<string>()
            .Where(path => path.Length > 0);
        return [.. paths.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Opens the parent.</summary>
    /// <exception cref="DiagnosticException">There is none, it lies elsewhere, or it is another image.</exception>
    public static VhdImage Open(DiskOpenRequest request, VhdDynamicHeader header, ImmutableArray<string> references)
    {
        if (header.ParentId == Guid.Empty)
        {
            // XenServer: a snapshot of a raw volume. Nothing proves which file is the right one.
            throw VhdDiagnostics.Unsupported.ToException($"its parent is a raw volume ({string.Join(", ", references)})", request.FileName);
        }

        if (references.IsEmpty)
        {
            throw VhdDiagnostics.NoParent.ToException("no parent locator can be read, and the header has no name", request.FileName);
        }

        var candidates = references.Concat(references.Select(path => path[(path.LastIndexOf('/') + 1)..])).Where(path => path.Length > 0);
        var reference = request.Directory is { } directory ? candidates.FirstOrDefault(directory.Exists) ?? references[0] : references[0];
        var parent = request.OpenParent(reference, new VhdFormat());
        try
        {
            return parent is VhdImage image && image.Footer.UniqueId == header.ParentId
                ? image
                : throw VhdDiagnostics.WrongParent.ToException(
                    $"'{reference}' has the unique id {(parent as VhdImage)?.Footer.UniqueId}, and the image was made on {header.ParentId}", request.FileName);
        }
        catch
        {
            parent.Dispose();
            throw;
        }
    }

    private static string NameOf(VhdDynamicHeader header)
        => Encoding.BigEndianUnicode.GetString(header.ParentName.AsSpan()).Split('\0')[0].Replace('\\', '/');
}
