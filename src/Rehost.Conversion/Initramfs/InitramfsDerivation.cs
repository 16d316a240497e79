using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Rehost.Archives;
using Rehost.Archives.Modules;
using Rehost.Conversion.Modules;
using Rehost.Model;

namespace Rehost.Conversion.Initramfs;

/// <summary>
/// Makes the initramfs of one kernel from that of another of the same guest: programs, scripts and configuration are taken as they are, modules are those of the new kernel by the same names with what they need, their
/// indexes are made anew, and nash's literal list of insmod follows. Modules that the new kernel does not have, or has built in, are left out.
/// </summary>
/// <param name="find">A module of the new kernel by name: its path below /lib/modules/RELEASE and the file's bytes; null when there is none.</param>
/// <param name="indexes">The new kernel's modules.</param>
/// <param name="builtIn">Text of the new kernel's modules.builtin.</param>
internal sealed partial class InitramfsDerivation(Func<string, (string Path, byte[] Content)?> find, ModuleIndexes indexes, string builtIn)
{
    private const long MaximumContent = 1L << 30;
    private const long MaximumModule = 64 << 20;

    /// <summary>Whether archives of a generator can be rewritten.</summary>
    public static bool IsKnown(InitramfsGenerator generator) => generator is InitramfsGenerator.InitramfsTools or InitramfsGenerator.Dracut or InitramfsGenerator.Nash or InitramfsGenerator.SuseMkinitrd or InitramfsGenerator.Mkinitcpio or InitramfsGenerator.Mkinitfs;

    /// <summary>Makes the file.</summary>
    public byte[] Derive(byte[] model, InitramfsFacts facts, string oldVersion, string newVersion, CancellationToken cancellationToken)
    {
        var archive = new InitramfsArchive(model, facts.Path, MaximumContent);
        foreach (var _ in archive.ReadFiles(cancellationToken))
        {
            // Read for the segments.
        }

        using var output = new MemoryStream();
        using var main = new MemoryStream();
        var modules = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var roots = new HashSet<string>(StringComparer.Ordinal);
        foreach (var segment in archive.Segments)
        {
            var packed = model.AsMemory((int)segment.Offset, (int)segment.Length);
            if (segment.IsMicrocode)
            {
                output.Write(packed.Span);
                output.Write(new byte[(int)(-output.Length & 511)]);
                continue;
            }

            var plain = segment.Kind == CompressionKind.None ? packed.ToArray() : Decompressor.DecompressAll(segment.Kind, packed, MaximumContent, facts.Path, cancellationToken);
            for (var start = 0; start >= 0;)
            {
                start += Rewrite(plain.AsSpan(start), facts, oldVersion, newVersion, main, modules, roots, cancellationToken);
                var next = plain.AsSpan(start).IndexOfAnyExcept((byte)0);
                start = next < 0 ? -1 : start + next;
            }
        }

        foreach (var root in roots)
        {
            AddIndexes(root, newVersion, modules);
        }

        using (var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(main.GetBuffer().AsSpan(0, (int)main.Length));
            gzip.Write(Added(modules));
        }

        return output.ToArray();
    }

    // Writes what stays of one archive, notes the new kernel's modules, and answers how many bytes the archive has.
    private int Rewrite(ReadOnlySpan<byte> archive, InitramfsFacts facts, string oldVersion, string newVersion, MemoryStream main, SortedDictionary<string, byte[]> modules, HashSet<string> roots, CancellationToken cancellationToken)
    {
        var entries = NewcEdit.Entries(archive, facts.Path);
        var end = entries[^1].End;
        if (entries.Exists(entry => entry.Path == InitramfsPrefix.Marker))
        {
            return end; // Drivers of the old kernel that an earlier conversion put in front.
        }

        foreach (var entry in entries.Where(entry => !entry.IsTrailer))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var versioned = VersionedRoot(entry.Path, oldVersion);
            if (versioned is not null)
            {
                roots.Add(versioned);
            }

            if (ModuleIndexes.ModuleName(entry.Path) is { Length: > 0 } name)
            {
                AddModule(name, versioned is null ? entry.Path[..(entry.Path.LastIndexOf('/') + 1)] : $"{versioned}/{newVersion}/", versioned is not null, modules, cancellationToken);
            }
            else if (versioned is not null)
            {
                continue; // Directories and indexes, made anew.
            }
            else if (entry.Path == facts.InitPath && facts.Generator == InitramfsGenerator.Nash)
            {
                var script = RewriteNash(GuestText.Decode(archive.Slice(entry.Content, entry.Size)), modules, cancellationToken);
                var content = GuestText.Encode(script);
                var header = Encoding.ASCII.GetString(archive.Slice(entry.Start, 110));
                main.Write(Encoding.ASCII.GetBytes(header[..54] + content.Length.ToString("X8", System.Globalization.CultureInfo.InvariantCulture) + header[62..]));
                main.Write(archive[(entry.Start + 110)..entry.Content]);
                main.Write(content);
                main.Write(new byte[(int)(-main.Length & 3)]);
            }
            else
            {
                main.Write(archive[entry.Start..entry.End]);
                main.Write(new byte[(int)(-main.Length & 3)]);
            }
        }

        return end;
    }

    private void AddModule(string name, string directory, bool isTree, SortedDictionary<string, byte[]> modules, CancellationToken cancellationToken)
    {
        foreach (var one in indexes.Needs(name).Select(ModuleIndexes.ModuleName).Append(name))
        {
            if (find(one) is { } found)
            {
                var plain = Plain(found.Path);
                var path = directory + (isTree ? plain : plain[(plain.LastIndexOf('/') + 1)..]);
                if (!modules.ContainsKey(path))
                {
                    modules[path] = Decompressor.DecompressAll(found.Content, MaximumModule, found.Path, cancellationToken);
                }
            }
        }
    }

    // insmod of nash takes modules in the order of its lines; what the new kernel does not have is skipped with the line that tells of it.
    private string RewriteNash(string script, SortedDictionary<string, byte[]> modules, CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        var loaded = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in script.Split('\n'))
        {
            var insmod = Insmod().Match(line);
            if (!insmod.Success)
            {
                if (!Loading().IsMatch(line))
                {
                    lines.Add(line);
                }

                continue;
            }

            var name = ModuleIndexes.ModuleName(insmod.Groups["path"].Value);
            foreach (var one in indexes.Needs(name).Reverse().Select(ModuleIndexes.ModuleName).Append(name).Where(one => indexes.PathOf(one) is not null && loaded.Add(one)))
            {
                var path = Plain(indexes.PathOf(one) ?? "");
                var file = path[(path.LastIndexOf('/') + 1)..];
                AddModule(one, insmod.Groups["directory"].Value.TrimStart('/'), isTree: false, modules, cancellationToken);
                lines.Add($"echo \"Loading {file} module\"");
                lines.Add($"insmod {insmod.Groups["directory"].Value}{file}{(one == name ? insmod.Groups["tail"].Value : " ")}");
            }
        }

        return string.Join('\n', lines);
    }

    private void AddIndexes(string root, string newVersion, SortedDictionary<string, byte[]> modules)
    {
        var directory = $"{root}/{newVersion}/";
        var own = modules.Where(module => module.Key.StartsWith(directory, StringComparison.Ordinal)).Select(module => (module.Key[directory.Length..], KernelModuleFile.Read(module.Value) ?? new KernelModuleFile())).ToList();
        foreach (var (name, content) in ModuleIndexes.Of(own, "").Write(builtIn, []))
        {
            modules[directory + name] = content;
        }

        modules[directory + "modules.builtin"] = GuestText.Encode(builtIn);
        modules[directory + "modules.order"] = GuestText.Encode(string.Concat(own.Select(module => module.Item1 + "\n")));
    }

    private static byte[] Added(SortedDictionary<string, byte[]> modules)
    {
        using var output = new MemoryStream();
        var writer = new CpioWriter(output);
        var directories = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var path in modules.Keys)
        {
            // What lies above lib/modules is in the guest's own archive, perhaps as a link.
            var from = path.IndexOf("lib/modules/", StringComparison.Ordinal);
            for (var slash = from < 0 ? -1 : path.IndexOf('/', from + "lib/modules/".Length); slash >= 0; slash = path.IndexOf('/', slash + 1))
            {
                directories.Add(path[..slash]);
            }
        }

        foreach (var directory in directories)
        {
            writer.AddDirectory(directory);
        }

        foreach (var (path, content) in modules)
        {
            writer.AddFile(path, content);
        }

        writer.Finish();
        return output.ToArray();
    }

    // usr/lib/modules of usr/lib/modules/6.1.0/kernel/x.ko; null for a path elsewhere.
    private static string? VersionedRoot(string path, string version)
    {
        var at = path.IndexOf($"lib/modules/{version}", StringComparison.Ordinal);
        var end = at + "lib/modules/".Length + version.Length;
        return at >= 0 && (end == path.Length || path[end] == '/') && (at == 0 || path[at - 1] == '/') ? path[..(at + "lib/modules".Length)] : null;
    }

    private static string Plain(string path) => path[..(path.LastIndexOf(".ko", StringComparison.Ordinal) is > 0 and var end ? end + 3 : path.Length)];

    [GeneratedRegex(@"^\s*insmod\s+(?<path>(?<directory>\S*/)[^/\s]+\.ko)(?<tail>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Insmod();

    [GeneratedRegex("""^\s*echo\s+"?Loading \S+\.ko module"?\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex Loading();
}
