using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Archives.Packages;
using Rehost.Conversion.Appliers;
using Rehost.Conversion.Selinux;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Packages;

/// <summary>
/// Puts packages of the operator into a guest, on the overlays, before the guest is inspected a second time: what they bring is then found and planned with like anything else in it. Files are unpacked; for
/// kernels, modules are indexed, an initramfs is derived from one of the guest's own, and the boot menu gets an entry. No script of a package is run, and the package manager's database does not change.
/// </summary>
public static partial class PackageInstaller
{
    private const long MaximumFile = 1L << 30;

    /// <summary>Installs packages.</summary>
    /// <param name="tree">The guest's tree, over overlays.</param>
    /// <param name="facts">What was found in the guest before.</param>
    /// <param name="files">The packages.</param>
    /// <param name="cancellationToken">Stops between files.</param>
    /// <exception cref="DiagnosticException">A package is not for this guest (CNV021) or damaged, or the guest's file system cannot take it.</exception>
    public static InstalledPackages Install(GuestTree tree, GuestFacts facts, IReadOnlyList<SuppliedFile> files, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(files);
        foreach (var file in files)
        {
            if (PackageFit.WhyNot(file.Package, facts.OperatingSystem) is { } reason)
            {
                throw ApplyDiagnostics.PackageNotForGuest.ToException(reason, file.FileName);
            }
        }

        var labels = facts.SelinuxFileContexts is { } contexts ? FileContexts.Read(tree, contexts) : null;
        var owners = new GuestOwners(tree);
        ImmutableArray<SuppliedPackage> packages = [.. files.Select(file => Unpack(tree, file, labels, owners, cancellationToken))];
        var kernels = new KernelPreparation(tree, facts, labels);
        foreach (var version in packages.SelectMany(package => package.KernelVersions).Distinct(StringComparer.Ordinal))
        {
            kernels.Prepare(version, cancellationToken);
        }

        tree.Flush();
        return new InstalledPackages(packages, [.. kernels.Prepared], [.. kernels.Findings]);
    }

    private static SuppliedPackage Unpack(GuestTree tree, SuppliedFile file, FileContexts? labels, GuestOwners owners, CancellationToken cancellationToken)
    {
        var count = 0;
        var bytes = 0L;
        var versions = new SortedSet<string>(StringComparer.Ordinal);
        var kept = ImmutableArray.CreateBuilder<string>();
        var services = ImmutableArray.CreateBuilder<PackageService>();
        var paths = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var entry in file.Package.ReadEntries(cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (KernelPath().Match(entry.Path) is { Success: true } kernel)
            {
                versions.Add(kernel.Groups["version"].Value);
            }

            if (entry.Path == "/" || entry.Kind == PackageEntryKind.Other)
            {
                continue;
            }

            var attributes = new NodeAttributes(entry.Permissions, owners.User(entry.User), owners.Group(entry.Group));
            if (entry.Kind == PackageEntryKind.Directory)
            {
                if (tree.TryResolve(entry.Path) is null)
                {
                    paths.Add(TopmostNew(tree, entry.Path));
                    tree.CreateDirectories(entry.Path, attributes);
                    Label(tree, entry.Path, NodeKind.Directory, labels);
                }

                continue;
            }

            // What an administrator may have changed stays, as both package managers leave it.
            var there = tree.TryResolve(entry.Path, followLast: false);
            if (entry.Path.StartsWith("/etc/", StringComparison.Ordinal) && there is not null)
            {
                kept.Add(entry.Path);
                continue;
            }

            paths.Add(TopmostNew(tree, entry.Path));
            tree.CreateDirectories(GuestPaths.DirectoryOf(entry.Path));
            count++;
            if (entry.Kind == PackageEntryKind.SymbolicLink)
            {
                tree.CreateSymbolicLink(entry.Path, entry.LinkTarget ?? "", replace: true, attributes with { Permissions = 0x1FF });
                Label(tree, entry.Path, NodeKind.SymbolicLink, labels);
                continue;
            }

            var content = entry.Kind == PackageEntryKind.HardLink ? tree.ReadAllBytes(entry.LinkTarget ?? "", MaximumFile) : entry.ReadAll(MaximumFile);
            bytes += content.LongLength;
            if (there is { Kind: NodeKind.SymbolicLink })
            {
                tree.DeleteFile(entry.Path);
            }

            tree.WriteFile(entry.Path, content, attributes, labels?.LabelOf(entry.Path, NodeKind.File));
            if (there is { Kind: NodeKind.File })
            {
                tree.SetMode(entry.Path, entry.Permissions);
            }

            if (PackageServices.Read(entry.Path, content) is { } service)
            {
                services.Add(service);
            }
        }

        return new SuppliedPackage
        {
            FileName = file.FileName,
            Sha256 = file.Sha256,
            Format = file.Package.Format.ToString().ToLowerInvariant(),
            Name = file.Package.Name,
            Version = file.Package.Version,
            Architecture = file.Package.Architecture,
            FileCount = count,
            Bytes = bytes,
            KernelVersions = [.. versions],
            ScriptsNotRun = file.Package.Scripts,
            Kept = kept.ToImmutable(),
            Services = services.ToImmutable(),
            Paths = [.. paths],
        };
    }

    // The first directory on the way that is not there, or the path itself: what a package puts into the guest, in few words.
    private static string TopmostNew(GuestTree tree, string path)
    {
        var topmost = path;
        for (var above = GuestPaths.DirectoryOf(path); above != "/" && tree.TryResolve(above) is null; above = GuestPaths.DirectoryOf(above))
        {
            topmost = above;
        }

        return topmost;
    }

    internal static void Label(GuestTree tree, string path, NodeKind kind, FileContexts? labels)
    {
        if (labels?.LabelOf(path, kind) is { } label)
        {
            tree.SetExtendedAttribute(path, "security.selinux", [.. GuestText.Encode(label), 0], followLast: false);
        }
    }

    [GeneratedRegex(@"^(/boot/(vmlinuz|vmlinux)-|(/usr)?/lib/modules/)(?<version>[0-9][A-Za-z0-9._+~-]*)(/(vmlinuz|.*\.ko(\.[a-z0-9]+)?))?$", RegexOptions.CultureInvariant)]
    private static partial Regex KernelPath();
}
