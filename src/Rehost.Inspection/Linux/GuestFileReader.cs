using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Linux;

/// <summary>Reads the files that conversion steps ask for, so that planning needs no guest.</summary>
internal static class GuestFileReader
{
    /// <summary>Password hashes have no place in facts.json, whatever a pattern matches.</summary>
    private static readonly string[] Secrets = ["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/opasswd", "/etc/security/opasswd"];

    /// <summary>Keys, and what a cloud told the guest at its first start.</summary>
    private static readonly string[] SecretFolders = ["/etc/keys/", "/etc/cryptsetup-keys.d/", "/etc/luks/", "/etc/ssl/private/", "/etc/pki/tls/private/", "/root/", "/home/", "/var/lib/cloud/"];

    /// <summary>The most that all files together may hold: facts stay a document.</summary>
    private const long MaximumTotal = 64 << 20;

    /// <summary>Reads all matches of all patterns.</summary>
    public static ImmutableSortedDictionary<string, GuestFile> Read(GuestReader reader, IEnumerable<string> patterns, CancellationToken cancellationToken)
    {
        var files = ImmutableSortedDictionary.CreateBuilder<string, GuestFile>(StringComparer.Ordinal);
        var budget = MaximumTotal;
        foreach (var path in patterns.SelectMany(reader.Glob))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!files.ContainsKey(path) && reader.Find(path, followLast: false) is { } node)
            {
                files[path] = Read(reader, path, node, ref budget);
            }
        }

        return files.ToImmutable();
    }

    private static GuestFile Read(GuestReader reader, string path, GuestNode node, ref long budget)
    {
        var file = new GuestFile
        {
            Path = path,
            Kind = node.Kind switch
            {
                NodeKind.File => GuestFileKind.File,
                NodeKind.SymbolicLink => GuestFileKind.Link,
                NodeKind.Directory => GuestFileKind.Directory,
                _ => GuestFileKind.Other,
            },
            LinkTarget = node.Kind == NodeKind.SymbolicLink ? reader.Tree.ReadLink(path) : null,
            Permissions = node.Metadata.Permissions,
        };

        var content = reader.Find(path);
        if (content is not { Kind: NodeKind.File } || content.Metadata.Length > GuestReader.MaximumText || IsSecret(content.Path))
        {
            return file;
        }

        budget -= content.Metadata.Length;
        if (budget < 0)
        {
            reader.Findings.Add(InspectionDiagnostics.FileSkipped.Create($"the files that the plan reads hold more than {MaximumTotal} bytes together", path));
            return file;
        }

        var bytes = reader.Tree.ReadAllBytes(path, GuestReader.MaximumText);
        var text = SecretText.Mask(path, GuestText.Decode(bytes));
        if (HoldsSecret(path, text) || !reader.IsPlausible(path, text))
        {
            return file;
        }

        return file with { Text = text, Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)) };
    }

    // YAML may have everything on one line, between braces: what stands there is not taken apart, and such a file is left out whole.
    private static bool HoldsSecret(string path, string text)
        => (path.StartsWith("/etc/NetworkManager/", StringComparison.Ordinal) || path.StartsWith("/etc/netplan/", StringComparison.Ordinal)) && text.Contains('{', StringComparison.Ordinal)
        && (text.Contains("psk", StringComparison.OrdinalIgnoreCase) || text.Contains("password", StringComparison.OrdinalIgnoreCase) || text.Contains("private-key", StringComparison.OrdinalIgnoreCase));

    private static bool IsSecret(string path)
        => Secrets.Contains(path) || Array.Exists(SecretFolders, folder => path.StartsWith(folder, StringComparison.Ordinal)) || path.EndsWith("/random-seed", StringComparison.Ordinal) || path.EndsWith(".key", StringComparison.Ordinal) || path.EndsWith("secret_key", StringComparison.Ordinal)
            || (path.StartsWith("/etc/ssh/", StringComparison.Ordinal) && path.EndsWith("_key", StringComparison.Ordinal));
}
