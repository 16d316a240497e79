using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vdi;

/// <summary>Finds the parent of a differencing image, which names it by UUID alone: among the .vdi files beside it, by their headers.</summary>
internal static class VdiParents
{
    /// <summary>Opens the parent.</summary>
    /// <exception cref="DiagnosticException">It is not there, or was changed since.</exception>
    public static VdiImage Open(DiskOpenRequest request, VdiHeader header)
    {
        // For the refusal of every reference: the name is not known, so the UUID stands for it.
        var reference = request.Directory is { } directory && !request.IsFormatGuessed ? Find(directory, header.ParentId) : header.ParentId.ToString();
        if (reference is null)
        {
            throw VdiDiagnostics.NoParent.ToException($"no .vdi file beside it has the UUID {header.ParentId}", request.FileName);
        }

        var parent = request.OpenParent(reference, new VdiFormat());
        try
        {
            if (parent is not VdiImage image || image.Header.UniqueId != header.ParentId)
            {
                throw VdiDiagnostics.NoParent.ToException($"'{reference}' is not the image with the UUID {header.ParentId}", request.FileName);
            }

            return header.ParentModificationId == Guid.Empty || image.Header.ModificationId == header.ParentModificationId
                ? image
                : throw VdiDiagnostics.ParentChanged.ToException(
                    $"'{reference}' has the modification UUID {image.Header.ModificationId}, and the image was made on {header.ParentModificationId}", request.FileName);
        }
        catch
        {
            parent.Dispose();
            throw;
        }
    }

    private static string? Find(IImageDirectory directory, Guid id)
    {
        Span<byte> bytes = stackalloc byte[VdiHeader.BytesRead];
        foreach (var name in directory.List().Where(name => name.EndsWith(".vdi", StringComparison.OrdinalIgnoreCase)))
        {
            try
            {
                using var file = directory.Open(name).File;
                if (file.Length < bytes.Length)
                {
                    continue;
                }

                file.Read(GuestOffset.Zero, bytes);
                if (VdiHeader.HasSignature(bytes) && VdiHeader.Parse(bytes).UniqueId == id)
                {
                    return name;
                }
            }
            catch (DiagnosticException)
            {
                // A neighbour that cannot be read is none of our business; if it was the parent, that is said in the end.
            }
        }

        return null;
    }
}
