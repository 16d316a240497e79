using System.Buffers;
using System.Security.Cryptography;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// The guest's files as they will be after the changes checked so far: a later change of a plan may build on an earlier one (a file written by one step and edited by the next),
/// and all preconditions are checked before the first byte is written.
/// </summary>
internal sealed class ExpectedFiles(GuestTree tree)
{
    /// <summary>Stands for content that will be there and whose hash is not known beforehand.</summary>
    private const string Unknown = "unknown";

    private readonly Dictionary<string, string?> _changed = new(StringComparer.Ordinal);

    /// <summary>SHA-256 of the file that a path leads to; null when there is none.</summary>
    /// <exception cref="DiagnosticException">Something else than a file is there (CNV004).</exception>
    public string? Hash(string path)
    {
        if (_changed.TryGetValue(path, out var planned))
        {
            return planned;
        }

        var node = tree.TryResolve(path);
        if (node is null)
        {
            return null;
        }

        if (_changed.TryGetValue(node.Path, out planned))
        {
            return planned;
        }

        return node.Kind == NodeKind.File ? HashOf(node) : throw ApplyDiagnostics.WrongKind.ToException($"found {node.Kind}, needed a file", path);
    }

    /// <summary>Whether a name is taken, be it by a link that leads nowhere.</summary>
    public bool IsTaken(string path) => _changed.TryGetValue(path, out var planned) ? planned is not null : tree.TryResolve(path, followLast: false) is not null;

    /// <summary>Notes what a path will hold.</summary>
    public void Set(string path, byte[]? content)
    {
        var hash = content is null ? null : Convert.ToHexStringLower(SHA256.HashData(content));
        _changed[path] = hash;
        if (content is not null && tree.TryResolve(path) is { } node)
        {
            _changed[node.Path] = hash;
        }
    }

    /// <summary>Notes that a path will hold something that only applying makes.</summary>
    public void SetUnknown(string path)
    {
        _changed[path] = Unknown;
        if (tree.TryResolve(path) is { } node)
        {
            _changed[node.Path] = Unknown;
        }
    }

    /// <summary>Refuses unless a file has the content that the plan saw.</summary>
    public void Demand(string path, string sha256)
    {
        var found = Hash(path) ?? throw ApplyDiagnostics.Missing.ToException("the plan changes this file, and it is not there", path);
        if (!string.Equals(found, sha256, StringComparison.OrdinalIgnoreCase))
        {
            throw ApplyDiagnostics.NotAsSeen.ToException($"its SHA-256 is {found}, the plan saw {sha256}", path);
        }
    }

    private static string HashOf(GuestNode node)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            long offset = 0;
            while (offset < node.Metadata.Length)
            {
                var count = node.FileSystem.Read(node.Node, offset, buffer);
                if (count <= 0)
                {
                    break;
                }

                hash.AppendData(buffer, 0, count);
                offset += count;
            }

            return Convert.ToHexStringLower(hash.GetCurrentHash());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
