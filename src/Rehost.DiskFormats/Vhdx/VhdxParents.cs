using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>Finds the parent of a differencing image; its data write id proves that it is the one, and that it was not changed since.</summary>
internal static class VhdxParents
{
    /// <summary>All paths that an image has, with <c>/</c> between names.</summary>
    public static ImmutableArray<string> References(VhdxMetadata metadata)
        => [.. VhdxParentLocator.PathKeys
            .SelectMany(key => metadata.ParentLocator.Where(pair => pair.Key == key))
            .Select(pair => pair.Value.Replace('\\', '/'))
            .Where(path => path.Length > 0)
            .Distinct(StringComparer.Ordinal)];

    /// <summary>Opens the parent.</summary>
    /// <exception cref="DiagnosticException">There is none, it lies elsewhere, or it is another image.</exception>
    public static VhdxImage Open(DiskOpenRequest request, VhdxMetadata metadata, ImmutableArray<string> references)
    {
        var linkages = metadata.ParentLocator.Where(pair => pair.Key is VhdxParentLocator.Linkage or VhdxParentLocator.Linkage2).Select(pair => pair.Value).ToList();
        var ids = linkages.Select(text => Guid.TryParse(text, out var id) ? id : Guid.Empty).Where(id => id != Guid.Empty).ToList();
        if (references.IsEmpty || ids.Count == 0)
        {
            throw VhdxDiagnostics.NoParent.ToException($"the parent locator has {references.Length} paths and {ids.Count} ids", request.FileName);
        }

        var candidates = references.Concat(references.Select(path => path[(path.LastIndexOf('/') + 1)..])).Where(path => path.Length > 0);
        var reference = request.Directory is { } directory ? candidates.FirstOrDefault(directory.Exists) ?? references[0] : references[0];
        var parent = request.OpenParent(reference, new VhdxFormat());
        try
        {
            return parent is VhdxImage image && ids.Contains(image.Header.DataWriteId)
                ? image
                : throw VhdxDiagnostics.WrongParent.ToException(
                    $"'{reference}' has the data write id {(parent as VhdxImage)?.Header.DataWriteId}, and the image was made on {string.Join(" or ", ids)}", request.FileName);
        }
        catch
        {
            parent.Dispose();
            throw;
        }
    }
}
