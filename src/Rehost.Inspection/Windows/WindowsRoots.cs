using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Windows;

/// <summary>Recognises a volume that Windows is installed on: by its registry, in the directories where setup programs of NT have put it.</summary>
internal static class WindowsRoots
{
    private static readonly string[] Directories = ["/Windows", "/WINNT", "/WINXP", "/WINNT32", "/ReactOS"];

    /// <summary>Whether a volume holds an installed Windows.</summary>
    public static bool IsRoot(GuestTree tree) => SystemRoot(tree) is not null;

    /// <summary>Guest path of %SystemRoot%, as spelled on disk; null when there is none.</summary>
    public static string? SystemRoot(GuestTree tree)
    {
        foreach (var directory in Directories)
        {
            if (Resolve(tree, directory) is { Kind: NodeKind.Directory } found && Resolve(tree, directory + "/System32/config/SYSTEM")?.Kind == NodeKind.File
                && Resolve(tree, directory + "/System32/config/SOFTWARE")?.Kind == NodeKind.File)
            {
                return found.Path;
            }
        }

        return null;
    }

    private static GuestNode? Resolve(GuestTree tree, string path)
    {
        try
        {
            return tree.TryResolve(path);
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == FileSystemDiagnostics.LinkLoop.Id)
        {
            return null;
        }
    }
}
