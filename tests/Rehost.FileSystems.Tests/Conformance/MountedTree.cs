using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>A directory tree of the host (a mounted image, or what debugfs dumped of one) compared with a model. Paths are bytes: the guest's names need not be UTF-8, which .NET's own file calls demand.</summary>
internal static partial class MountedTree
{
    private const int Fields = 8;

    /// <summary>Or a tool that another test starts at this moment inherits the file and keeps the mount busy.</summary>
    private const int CloseOnExec = 0x80000;

    public static void Compare(InMemoryFileSystem model, string directory, string listFile, bool isMount, bool contentOnly = false)
    {
        Tool.MustRun("sh", "-c", $"cd '{directory}' && find . -mindepth 1 -name lost+found -prune -o -mindepth 1 -printf '%P\\0%y\\0%m\\0%U\\0%G\\0%s\\0%n\\0%l\\0' > '{listFile}'");
        var found = Split(File.ReadAllBytes(listFile)).Chunk(Fields).ToDictionary(fields => GuestText.Decode(fields[0]));
        var expected = Flatten(model);
        foreach (var path in expected.Keys.Where(path => !found.ContainsKey(path)))
        {
            throw new ConformanceFailure($"the witness does not see {path}");
        }

        foreach (var path in found.Keys.Where(path => !expected.ContainsKey(path)))
        {
            throw new ConformanceFailure($"the witness sees {path}, which should not be there");
        }

        foreach (var (path, node) in expected)
        {
            var fields = found[path];
            var metadata = model.GetMetadata(node);
            var kind = metadata.Kind switch { NodeKind.Directory => "d", NodeKind.SymbolicLink => "l", _ => "f" };
            Demand(Text(fields[1]) == kind, path, "kind", Text(fields[1]), kind);
            if (!contentOnly && (isMount || metadata.Kind != NodeKind.SymbolicLink)) // debugfs does not set the owner of links, and loses set-id bits when it sets others'
            {
                Demand(Text(fields[3]) == $"{metadata.Uid}" && Text(fields[4]) == $"{metadata.Gid}", path, "owner", $"{Text(fields[3])}:{Text(fields[4])}", $"{metadata.Uid}:{metadata.Gid}");
            }

            if (!contentOnly && metadata.Kind != NodeKind.SymbolicLink)
            {
                var mask = isMount ? 0xFFF : 0x1FF;
                Demand((Convert.ToInt32(Text(fields[2]), 8) & mask) == (metadata.Permissions & mask), path, "mode", Text(fields[2]), Convert.ToString(metadata.Permissions, 8));
            }

            if (metadata.Kind != NodeKind.Directory)
            {
                Demand(Text(fields[5]) == metadata.Length.ToString(CultureInfo.InvariantCulture), path, "size", Text(fields[5]), $"{metadata.Length}");
            }

            if (isMount && !contentOnly)
            {
                // Btrfs counts no subdirectories: a directory has one link.
                var isUncounted = metadata.Kind == NodeKind.Directory && Text(fields[6]) == "1";
                Demand(isUncounted || Text(fields[6]) == metadata.Links.ToString(CultureInfo.InvariantCulture), path, "links", Text(fields[6]), $"{metadata.Links}");
                CompareAttributes(model, node, directory, path);
            }

            if (metadata.Kind == NodeKind.SymbolicLink)
            {
                Demand(GuestText.Decode(fields[7]) == model.ReadLink(node), path, "target", GuestText.Decode(fields[7]), model.ReadLink(node));
            }
            else if (metadata.Kind == NodeKind.File)
            {
                using var handle = Open(directory, path);
                ModelComparison.CompareContent(model, node, (offset, buffer) => ReadAll(handle, offset, buffer), "the witness's " + path);
            }
        }
    }

    private static Dictionary<string, NodeId> Flatten(InMemoryFileSystem model)
    {
        var all = new Dictionary<string, NodeId>();
        var work = new Stack<(NodeId Node, string Path)>([(model.Root, "")]);
        while (work.TryPop(out var item))
        {
            foreach (var entry in model.List(item.Node))
            {
                all.Add(item.Path + entry.Name, entry.Node);
                if (entry.Kind == NodeKind.Directory)
                {
                    work.Push((entry.Node, item.Path + entry.Name + "/"));
                }
            }
        }

        return all;
    }

    private static void CompareAttributes(InMemoryFileSystem model, NodeId node, string directory, string path)
    {
        var raw = RawPath(directory, path);
        var list = new byte[65536];
        var count = ListAttributes(raw, list, list.Length);
        Demand(count >= 0, path, "list of attributes", $"error {Marshal.GetLastPInvokeError()}", "success");
        var names = Split(list[..(int)Math.Max(0, count)]).Select(name => Encoding.UTF8.GetString(name)).Where(name => !name.StartsWith("system.", StringComparison.Ordinal)).ToHashSet();
        var wanted = model.GetExtendedAttributes(node);
        Demand(names.SetEquals(wanted.Keys), path, "attributes", string.Join(' ', names), string.Join(' ', wanted.Keys));
        foreach (var (name, value) in wanted)
        {
            // security.capability is interpreted by the kernel, which refuses random bytes: debugfs and e2fsck are its witnesses.
            if (name != "security.capability")
            {
                var size = GetAttribute(raw, [.. Encoding.UTF8.GetBytes(name), 0], list, list.Length);
                Demand(size == value.Length && list.AsSpan(0, value.Length).SequenceEqual(value), path, $"attribute {name}", $"{size} bytes", $"{value.Length} bytes");
            }
        }
    }

    private static int ReadAll(SafeFileHandle handle, long offset, Span<byte> buffer)
    {
        var done = 0;
        while (done < buffer.Length && RandomAccess.Read(handle, buffer[done..], offset + done) is var count and > 0)
        {
            done += count;
        }

        return done;
    }

    public static SafeFileHandle Open(string directory, string path)
    {
        var descriptor = OpenFile(RawPath(directory, path), CloseOnExec);
        Demand(descriptor >= 0, path, "open", $"error {Marshal.GetLastPInvokeError()}", "success");
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static byte[] RawPath(string directory, string path) => [.. Encoding.UTF8.GetBytes(directory), (byte)'/', .. GuestText.Encode(path), 0];

    public static List<byte[]> Split(byte[] zeroTerminated)
    {
        var parts = new List<byte[]>();
        for (var rest = zeroTerminated.AsSpan(); !rest.IsEmpty;)
        {
            var end = rest.IndexOf((byte)0);
            parts.Add(rest[..end].ToArray());
            rest = rest[(end + 1)..];
        }

        return parts;
    }

    private static string Text(byte[] field) => Encoding.ASCII.GetString(field);

    private static void Demand(bool holds, string path, string what, string found, string needed)
    {
        if (!holds)
        {
            throw new ConformanceFailure($"the witness sees {what} of {path} as {found}, needed {needed}");
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int OpenFile(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "llistxattr", SetLastError = true)]
    private static extern nint ListAttributes(byte[] path, byte[] list, nint size);

    [DllImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    private static extern nint GetAttribute(byte[] path, byte[] name, byte[] value, nint size);
}
