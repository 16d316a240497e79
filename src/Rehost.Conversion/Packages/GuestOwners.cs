using System.Globalization;
using Rehost.FileSystems;

namespace Rehost.Conversion.Packages;

/// <summary>Numbers of the guest's users and groups by name, from its passwd and group files. A name that it does not have is root's: scripts of a package would make it, and none is run.</summary>
internal sealed class GuestOwners(GuestTree tree)
{
    private readonly Dictionary<string, uint> _users = Read(tree, "/etc/passwd");
    private readonly Dictionary<string, uint> _groups = Read(tree, "/etc/group");

    public uint User(string name) => _users.GetValueOrDefault(name);

    public uint Group(string name) => _groups.GetValueOrDefault(name);

    private static Dictionary<string, uint> Read(GuestTree tree, string path)
    {
        var found = new Dictionary<string, uint>(StringComparer.Ordinal);
        if (tree.TryResolve(path)?.Kind == NodeKind.File)
        {
            foreach (var fields in tree.ReadText(path).Split('\n').Select(line => line.Split(':')).Where(fields => fields.Length >= 3))
            {
                if (uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                {
                    found.TryAdd(fields[0], number);
                }
            }
        }

        return found;
    }
}
