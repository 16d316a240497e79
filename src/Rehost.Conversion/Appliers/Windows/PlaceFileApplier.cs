using System.Security.Cryptography;
using Rehost.Model;

namespace Rehost.Conversion.Appliers.Windows;

/// <summary>Puts files that the operator supplied into the guest.</summary>
internal sealed class PlaceFileApplier() : ChangeApplier<PlaceFile>(ApplyPhase.Files)
{
    protected override void Check(PlaceFile change, ApplyContext context)
    {
        DemandReplaced(context, change.Path, change.BeforeSha256);
        GuestPaths.DemandDirectoryAbove(context.Tree, change.Path);
        context.Expected.Set(change.Path, ContentOf(change, context));
    }

    protected override void Apply(PlaceFile change, ApplyContext context, CancellationToken cancellationToken)
    {
        context.Tree.CreateDirectories(GuestPaths.DirectoryOf(change.Path));
        context.Tree.WriteFile(change.Path, ContentOf(change, context));
    }

    // What stands at the path must be what was seen there: nothing, or a file of that content.
    private static void DemandReplaced(ApplyContext context, string path, string? beforeSha256)
    {
        if (beforeSha256 is not null)
        {
            context.Expected.Demand(path, beforeSha256);
        }
        else if (context.Expected.IsTaken(path))
        {
            throw ApplyDiagnostics.AlreadyThere.ToException("the plan makes this file, and the name is taken", path);
        }
    }

    private static byte[] ContentOf(PlaceFile change, ApplyContext context)
    {
        var content = context.SuppliedFile?.Invoke(change.From, change.Sha256)
            ?? throw ApplyDiagnostics.NotSupplied.ToException($"no file of the SHA-256 {change.Sha256} was supplied; the plan takes it from {change.From}", change.Path);
        return Convert.ToHexStringLower(SHA256.HashData(content)) == change.Sha256
            ? content
            : throw ApplyDiagnostics.NotSupplied.ToException($"{change.From} is not the file that the plan saw", change.Path);
    }
}
