using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>The guest paths that a change reads or writes.</summary>
/// <param name="Files">Files, links, and directories by what is in them.</param>
/// <param name="Directories">Directories of which every file is read.</param>
internal readonly record struct ChangedPaths(ImmutableArray<string> Files, ImmutableArray<string> Directories)
{
    /// <summary>Of one change. Every kind is listed; a test proves it.</summary>
    public static ChangedPaths Of(Change change) => change switch
    {
        WriteFile write => new([write.Path], []),
        EditFile edit => new([edit.Path], []),
        DeleteFile delete => new([delete.Path], []),
        MakeLink link => new([link.Path], []),
        ExtendInitramfs extend => new([extend.Path, .. extend.Modules], []),
        MakeInitramfs make => new([make.Path, .. make.Modules], []),
        RewriteInitramfs rewrite => new([rewrite.Path, .. rewrite.Modules], []),
        Relabel relabel => new([relabel.Path, relabel.FileContextsPath], []),
        InstallPackage => new([], []), // files of the operator's, named by the hash of the package
        PrepareFile prepare => new([prepare.Path], []),
        WrapInPartition or ShiftPartitions or AddBiosBootPartition or SetNtfsGeometry => new([], []),
        InstallBootloader loader => new([], Some(loader.GuestModulesPath)),
        RegistryChange registry => new([registry.HivePath], []),
        RedirectBootDevice redirect => new([redirect.StorePath], []),
        SetDefaultBootEntry entry => new([entry.StorePath], []),
        PlaceFile place => new([place.Path], []),
        DeleteDirectory directory => new([directory.Path], []),
        CopyFile copy => new([copy.Path, copy.From], []),
        UnpackUnifiedKernel unpack => new([unpack.ImagePath, unpack.KernelPath, .. Some(unpack.InitramfsPath), .. unpack.Modules], []),
        AddHelperPartition helper => new(
            [.. helper.Files.SelectMany(file => Some(file.CopyOf)), .. helper.Files.SelectMany(file => file.Drivers?.Modules ?? [])],
            [.. helper.Files.SelectMany(file => Some(file.Loader?.GuestModulesPath))]),
        _ => throw PlanDocumentDiagnostics.Malformed.ToException($"a change of kind {change.GetType().Name} has no place in a document", change.Subject),
    };

    private static ImmutableArray<string> Some(string? path) => path is null ? [] : [path];
}
