using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <content>Links: symbolic ones are reparse points, as Windows makes them; hard ones are further names of a file.</content>
public sealed partial class NtfsFileSystem : IHardLinks
{
    private const int MostLinks = 1024; // what Windows allows
    private const int LongestTarget = 4096;
    private bool? _makesAliases;

    /// <summary>Whether new long names get aliases: as the options say, else as the root directory has them. Windows has made "System Volume Information" there with or without.</summary>
    private bool MakesAliases
    {
        get
        {
            if (_shortNames is { } wanted)
            {
                return wanted;
            }

            var root = _volume.Table.GetNode(FileReference.Root);
            return _makesAliases ??= _volume.OpenDirectory(root).Entries().Any(entry => IsShown(entry) && FileName.Parse(entry.Key, root.Where).Namespace == FileName.Dos);
        }
    }

    /// <summary>
    /// Makes a symbolic link of Windows. A target that begins with a slash starts at the root of this volume. It is a link to a directory when the target is one now, and else one
    /// to a file: Windows wants to know.
    /// </summary>
    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes)
    {
        ArgumentNullException.ThrowIfNull(target);
        DemandTarget(target, name);
        return Edit(() =>
        {
            var parent = GetDirectory(directory);
            DemandFree(parent, name);
            var node = CreateNode(parent, LeadsToDirectory(parent, target), StandardInformation.ReparseFlag);
            node.Attributes.Add(new NtfsAttribute(AttributeType.ReparsePoint, "") { Value = ReparsePoint.MakeSymbolicLink(target.Replace('/', '\\')) });
            Editors.AddToExtension("$Reparse", "$R", ReparseKey(node, ReparsePoint.SymbolicLink), node.Where);
            AddName(node, parent, FileName.Make(parent.Reference, name, 0, Now));
            return new NodeId(node.Reference);
        });
    }

    /// <inheritdoc/>
    public void CreateHardLink(NodeId directory, string name, NodeId node) => Edit(() =>
    {
        var (parent, linked) = (GetDirectory(directory), GetNode(node));
        DemandFree(parent, name);
        if (linked.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("a directory has one name only", linked.Where);
        }

        StandardInformation.Change(linked, Now, 0, 0, isContent: false);
        AddName(linked, parent, FileName.Make(parent.Reference, name, 0, Now));
        return node; // the other names keep the time of the last change that they show, as in Windows
    });

    private static byte[] ReparseKey(NtfsNode node, uint tag)
    {
        var key = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(key, tag);
        BinaryPrimitives.WriteUInt64LittleEndian(key.AsSpan(4), node.Reference);
        return key;
    }

    private static void DemandTarget(string target, string name)
    {
        var fault = target.Length is 0 or > LongestTarget ? $"the target has {target.Length} UTF-16 units, it must have 1 to {LongestTarget}"
            : target.StartsWith("//", StringComparison.Ordinal) ? "the target begins with two slashes, which is a network name to Windows"
            : target.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part is not ("." or "..")).Select(WindowsName.FindFault).FirstOrDefault(found => found is not null);
        if (fault is not null)
        {
            throw FileSystemDiagnostics.BadName.ToException($"a link to {target}: {fault}", name);
        }
    }

    /// <summary>Follows a target by names only; one that leads through other links, or nowhere, is taken for a file.</summary>
    private bool LeadsToDirectory(NtfsNode parent, string target)
    {
        var node = target.StartsWith('/') ? _volume.Table.GetNode(FileReference.Root) : parent;
        foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != "."))
        {
            var next = part == ".." ? node.Names.FirstOrDefault()?.Parent
                : node.IsDirectory && _volume.ReadReparsePoint(node) is null ? _volume.FindEntry(node, part)?.Reference : null;
            if (next is not { } reference)
            {
                return false;
            }

            node = _volume.Table.GetNode(reference);
        }

        return node.IsDirectory;
    }

    private void DemandFree(NtfsNode parent, string name)
    {
        WindowsName.Demand(name);
        if (_volume.FindEntry(parent, name) is not null)
        {
            throw FileSystemDiagnostics.Exists.ToException("the name is taken", name);
        }
    }
}
