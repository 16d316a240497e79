using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>Looks at a guest for a plan document, and again before the document is applied: both must see the same.</summary>
internal static class GuestWitness
{
    private const int MostListed = 5;
    private const int Largest = 1 << 20;

    /// <summary>What a plan saw of a guest.</summary>
    public static SeenGuest Look(string sourceKind, GuestFacts facts, ConversionPlan plan, GuestTree tree, CancellationToken cancellationToken) => new()
    {
        SourceKind = sourceKind,
        Disks = [.. facts.Machine.Disks.Select(disk => Disk(disk, facts))],
        Facts = Facts(facts),
        Files = Files(PathsOf(facts, plan), tree, cancellationToken),
    };

    /// <summary>Refuses a guest that is not as it was seen.</summary>
    /// <exception cref="DiagnosticException">It is another machine (PLD005), or changed (PLD004).</exception>
    public static void DemandSame(PlanDocument document, GuestFacts facts, GuestTree tree, CancellationToken cancellationToken)
    {
        var seen = document.Seen;
        var disks = facts.Machine.Disks.Select(disk => Disk(disk, facts)).ToList();
        if (disks.Count != seen.Disks.Length || disks.Zip(seen.Disks).Any(pair => pair.First.Id != pair.Second.Id || pair.First.LengthBytes != pair.Second.LengthBytes))
        {
            throw PlanDocumentDiagnostics.OtherGuest.ToException($"it has the disks {Names(disks)}; the plan is for {Names(seen.Disks)}", facts.Machine.Name);
        }

        if (disks.Zip(seen.Disks).FirstOrDefault(pair => pair.First.Scheme != pair.Second.Scheme || pair.First.TableId != pair.Second.TableId || !pair.First.Volumes.SequenceEqual(pair.Second.Volumes)) is { First: { } disk, Second: { } other })
        {
            throw PlanDocumentDiagnostics.OtherGuest.ToException($"it holds {string.Join(", ", disk.Volumes)} ({disk.TableId ?? "no table"}); the plan saw {string.Join(", ", other.Volumes)} ({other.TableId ?? "no table"})", disk.Id);
        }

        // Files first: they say best what changed. What steps look for and did not find then is found by its absence from the document.
        var paths = seen.Files.Keys.Concat(facts.Files.Keys).Distinct(StringComparer.Ordinal).Select(path => (path, IsWhole(path, document))).ToList();
        var now = Files(paths, tree, cancellationToken);
        var changed = now.Where(item => seen.Files.GetValueOrDefault(item.Key) != item.Value).Select(item => Difference(item.Key, seen.Files.GetValueOrDefault(item.Key), item.Value)).ToList();
        if (changed.Count > 0)
        {
            throw PlanDocumentDiagnostics.GuestChanged.ToException($"{changed.Count} files are not as the plan saw them: {string.Join("; ", changed.Take(MostListed))}{(changed.Count > MostListed ? "; …" : "")}", facts.Machine.Name);
        }

        var found = Facts(facts);
        if (found.Keys.Concat(seen.Facts.Keys).Distinct(StringComparer.Ordinal).Where(name => found.GetValueOrDefault(name) != seen.Facts.GetValueOrDefault(name)).ToList() is { Count: > 0 } parts)
        {
            throw PlanDocumentDiagnostics.GuestChanged.ToException($"what was found of the guest differs in: {string.Join(", ", parts)}", facts.Machine.Name);
        }
    }

    /// <summary>What is at one path.</summary>
    /// <param name="path">Guest path.</param>
    /// <param name="isWhole">Whether a directory is hashed with the content of its files.</param>
    /// <param name="tree">The guest's files.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static SeenFile LookAt(string path, bool isWhole, GuestTree tree, CancellationToken cancellationToken)
    {
        if (tree.TryResolve(path, followLast: false) is not { } node)
        {
            return new SeenFile(SeenKind.Absent);
        }

        var target = node.Kind == NodeKind.SymbolicLink ? tree.ReadLink(path) : null;
        var content = target is null ? node : tree.TryResolve(path);
        return node.Kind switch
        {
            NodeKind.Directory => new SeenFile(SeenKind.Directory, Sha256: HashOfDirectory(path, isWhole, tree, cancellationToken)),
            NodeKind.File or NodeKind.SymbolicLink when content is { Kind: NodeKind.File } file && !PlanSecrets.Holds(path) && !PlanSecrets.Holds(file.Path)
                => new SeenFile(target is null ? SeenKind.File : SeenKind.Link, file.Metadata.Length, HashOf(file, cancellationToken), target),
            NodeKind.File => new SeenFile(SeenKind.File, node.Metadata.Length),
            NodeKind.SymbolicLink => new SeenFile(SeenKind.Link, Target: target),
            _ => new SeenFile(SeenKind.Other),
        };
    }

    private static List<(string Path, bool IsWhole)> PathsOf(GuestFacts facts, ConversionPlan plan)
    {
        var touched = plan.Changes.Select(ChangedPaths.Of).ToList();
        return [.. facts.Files.Keys.Concat(touched.SelectMany(paths => paths.Files)).Concat((plan.HandedOut ?? []).Select(file => file.GuestPath)).Select(path => (path, false)), .. touched.SelectMany(paths => paths.Directories).Select(path => (path, true))];
    }

    private static bool IsWhole(string path, PlanDocument document) => document.Plan.Changes.Any(change => ChangedPaths.Of(change).Directories.Contains(path));

    private static ImmutableSortedDictionary<string, SeenFile> Files(IEnumerable<(string Path, bool IsWhole)> paths, GuestTree tree, CancellationToken cancellationToken)
    {
        var files = ImmutableSortedDictionary.CreateBuilder<string, SeenFile>(StringComparer.Ordinal);
        foreach (var (path, isWhole) in paths.OrderBy(item => item.IsWhole))
        {
            cancellationToken.ThrowIfCancellationRequested();
            files[path] = LookAt(path, isWhole, tree, cancellationToken);
        }

        return files.ToImmutable();
    }

    /// <summary>Each part of the facts by its hash. Left out is what changes in a guest that is only started and stopped: how full a volume is, whether it was unmounted, what is in flux in its features.</summary>
    private static ImmutableSortedDictionary<string, string> Facts(GuestFacts facts)
    {
        var steady = facts with
        {
            Machine = facts.Machine with { Name = "", Description = null, Disks = [.. facts.Machine.Disks.Select(disk => disk with { Path = null, Format = "" })] },
            Volumes = [.. facts.Volumes.Select(volume => volume with { UsedBytes = 0, IsClean = true, Features = [] })],
            Findings = [],
            Files = facts.Files.Clear(),
        };
        var parts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var all = JsonSerializer.SerializeToNode(steady, ModelJson.Options) as JsonObject ?? [];
        foreach (var (name, value) in all.Concat((all["windows"] as JsonObject ?? []).Select(part => KeyValuePair.Create($"windows.{part.Key}", part.Value))))
        {
            if (name is not ("formatVersion" or "files" or "findings" or "windows") && value is not null)
            {
                parts[name] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value.ToJsonString())));
            }
        }

        return parts.ToImmutable();
    }

    private static SeenDisk Disk(VirtualDisk disk, GuestFacts facts)
    {
        var table = facts.Disks.FirstOrDefault(one => one.DiskId == disk.Id);
        return new SeenDisk
        {
            Id = disk.Id,
            LengthBytes = disk.LengthBytes,
            Scheme = table?.Scheme ?? PartitionScheme.None,
            TableId = table?.TableId,
            Volumes = [.. facts.Volumes.Where(volume => volume.DiskId == disk.Id).Select(volume => string.Join(' ', new[] { volume.DeviceName, volume.Type, volume.Uuid }.OfType<string>()))],
        };
    }

    private static string Names(IEnumerable<SeenDisk> disks) => string.Join(", ", disks.Select(disk => $"{disk.Id} of {disk.LengthBytes} bytes"));

    private static string Difference(string path, SeenFile? before, SeenFile now) => (before, now) switch
    {
        (null or { Kind: SeenKind.Absent }, _) => $"{path} is new",
        (_, { Kind: SeenKind.Absent }) => $"{path} is gone",
        ({ Sha256: { } old }, { Sha256: { } found }) when old != found => $"{path} has the SHA-256 {found}, the plan saw {old}",
        ({ Target: var old }, { Target: var found }) when old != found => $"{path} leads to {found ?? "nothing"}, the plan saw {old ?? "nothing"}",
        _ => $"{path} was {before.Kind} of {before.LengthBytes ?? 0} bytes, and is {now.Kind} of {now.LengthBytes ?? 0}",
    };

    private static string HashOfDirectory(string path, bool isWhole, GuestTree tree, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var entry in tree.List(path))
        {
            var content = isWhole && tree.TryResolve(entry.Path) is { Kind: NodeKind.File } file ? HashOf(file, cancellationToken) : "";
            hash.AppendData(GuestText.Encode($"{entry.Name}\0{entry.Kind}\0{content}\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string HashOf(GuestNode node, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[(int)Math.Clamp(node.Metadata.Length, 1, Largest)];
        for (long offset = 0; offset < node.Metadata.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = node.FileSystem.Read(node.Node, offset, buffer);
            if (count <= 0)
            {
                break;
            }

            hash.AppendData(buffer, 0, count);
            offset += count;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
