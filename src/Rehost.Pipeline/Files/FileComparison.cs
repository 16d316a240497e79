using System.Buffers;
using System.Collections.Immutable;
using Rehost.FileSystems;

namespace Rehost.Pipeline.Files;

/// <summary>How a path differs between two guests.</summary>
public enum FileDifferenceKind
{
    /// <summary>Only in the second.</summary>
    Added,

    /// <summary>Only in the first.</summary>
    Removed,

    /// <summary>In both, and different.</summary>
    Changed,
}

/// <summary>A difference.</summary>
/// <param name="Path">Canonical path.</param>
/// <param name="Kind">Added, removed or changed.</param>
/// <param name="What">What differs, with both values: <c>mode 0644 → 0600</c>. Empty for what is in one guest only.</param>
public sealed record FileDifference(string Path, FileDifferenceKind Kind, ImmutableArray<string> What);

/// <summary>Compares the files of two guests: names, content, kinds, modes, owners, times and extended attributes.</summary>
public static class FileComparison
{
    private const int BufferSize = 1 << 20;

    /// <summary>All differences, in the order of paths.</summary>
    /// <param name="left">The first guest.</param>
    /// <param name="right">The second guest.</param>
    /// <param name="path">Where to start in both.</param>
    /// <param name="withTimes">Whether times of change count.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="Model.DiagnosticException">A guest is damaged, or has no such path.</exception>
    public static IEnumerable<FileDifference> Run(GuestFiles left, GuestFiles right, string path, bool withTimes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return RunLazily(left, right, path, withTimes, cancellationToken);
    }

    private static IEnumerable<FileDifference> RunLazily(GuestFiles left, GuestFiles right, string path, bool withTimes, CancellationToken cancellationToken)
    {
        using var a = TreeWalk.Run(left.Tree, path, int.MaxValue, cancellationToken).GetEnumerator();
        using var b = TreeWalk.Run(right.Tree, path, int.MaxValue, cancellationToken).GetEnumerator();
        var (hasA, hasB) = (a.MoveNext(), b.MoveNext());
        while (hasA || hasB)
        {
            var order = !hasA ? 1 : !hasB ? -1 : ComparePaths(a.Current.Node.Path, b.Current.Node.Path);
            if (order == 0)
            {
                if (Differences(a.Current.Node, b.Current.Node, withTimes, cancellationToken) is { IsEmpty: false } differences)
                {
                    yield return new FileDifference(a.Current.Node.Path, FileDifferenceKind.Changed, differences);
                }

                (hasA, hasB) = (a.MoveNext(), b.MoveNext());
            }
            else if (order < 0)
            {
                yield return new FileDifference(a.Current.Node.Path, FileDifferenceKind.Removed, []);
                hasA = a.MoveNext();
            }
            else
            {
                yield return new FileDifference(b.Current.Node.Path, FileDifferenceKind.Added, []);
                hasB = b.MoveNext();
            }
        }
    }

    /// <summary>The order of the walk: name by name, so that what is below a directory stands together.</summary>
    internal static int ComparePaths(string left, string right)
    {
        var (a, b) = (left.Split('/', StringSplitOptions.RemoveEmptyEntries), right.Split('/', StringSplitOptions.RemoveEmptyEntries));
        for (var i = 0; i < a.Length && i < b.Length; i++)
        {
            if (string.CompareOrdinal(a[i], b[i]) is var order and not 0)
            {
                return order;
            }
        }

        return a.Length.CompareTo(b.Length);
    }

    /// <summary>What differs between two nodes; empty when nothing does.</summary>
    internal static ImmutableArray<string> Differences(GuestNode left, GuestNode right, bool withTimes, CancellationToken cancellationToken, bool withLinks = false)
    {
        var what = ImmutableArray.CreateBuilder<string>();
        var (a, b) = (left.Metadata, right.Metadata);
        if (a.Kind != b.Kind)
        {
            what.Add($"kind {a.Kind} → {b.Kind}");
            return what.ToImmutable();
        }

        if (a.Permissions != b.Permissions)
        {
            what.Add($"mode {Octal(a.Permissions)} → {Octal(b.Permissions)}");
        }

        if (a.Uid != b.Uid || a.Gid != b.Gid)
        {
            what.Add($"owner {a.Uid}:{a.Gid} → {b.Uid}:{b.Gid}");
        }

        if (withTimes && a.Modified != b.Modified)
        {
            what.Add($"time {a.Modified:O} → {b.Modified:O}");
        }

        if (withLinks && a.Links != b.Links)
        {
            what.Add($"names {a.Links} → {b.Links}");
        }

        if (a.Kind == NodeKind.File && (a.Length != b.Length || !HaveSameContent(left, right, cancellationToken)))
        {
            what.Add(a.Length == b.Length ? $"content ({a.Length} bytes)" : $"content ({a.Length} → {b.Length} bytes)");
        }
        else if (a.Kind == NodeKind.SymbolicLink && (left.FileSystem.ReadLink(left.Node), right.FileSystem.ReadLink(right.Node)) is var (from, to) && from != to)
        {
            what.Add($"target {from} → {to}");
        }
        else if ((a.DeviceMajor, a.DeviceMinor) != (b.DeviceMajor, b.DeviceMinor))
        {
            what.Add($"device {a.DeviceMajor}:{a.DeviceMinor} → {b.DeviceMajor}:{b.DeviceMinor}");
        }

        var (before, after) = (left.FileSystem.GetExtendedAttributes(left.Node), right.FileSystem.GetExtendedAttributes(right.Node));
        foreach (var name in before.Keys.Union(after.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var (hadIt, hasIt) = (before.TryGetValue(name, out var old), after.TryGetValue(name, out var now));
            if (!hadIt || !hasIt || !old.AsSpan().SequenceEqual(now))
            {
                what.Add($"attribute {name} {(hadIt && hasIt ? "changed" : hasIt ? "added" : "removed")}");
            }
        }

        return what.ToImmutable();
    }

    private static bool HaveSameContent(GuestNode left, GuestNode right, CancellationToken cancellationToken)
    {
        var (a, b) = (ArrayPool<byte>.Shared.Rent(BufferSize), ArrayPool<byte>.Shared.Rent(BufferSize));
        try
        {
            for (long offset = 0; offset < left.Metadata.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var count = left.FileSystem.Read(left.Node, offset, a.AsSpan(0, BufferSize));
                var other = right.FileSystem.Read(right.Node, offset, b.AsSpan(0, BufferSize));
                if (count != other || !a.AsSpan(0, count).SequenceEqual(b.AsSpan(0, count)))
                {
                    return false;
                }

                if (count <= 0)
                {
                    break;
                }

                offset += count;
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(a);
            ArrayPool<byte>.Shared.Return(b);
        }
    }

    private static string Octal(int permissions) => Convert.ToString(permissions, 8).PadLeft(4, '0');
}
