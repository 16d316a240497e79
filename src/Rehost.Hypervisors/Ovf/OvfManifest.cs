using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>A manifest: lines of "SHA256(disk1.vmdk)= 0123…" (DSP0243 section 5.1, after OpenSSL's output).</summary>
internal sealed class OvfManifest
{
    /// <summary>The longest manifest that is read; a line has about a hundred bytes.</summary>
    public const int MaximumLength = 4 << 20;

    private OvfManifest(ImmutableArray<OvfManifestEntry> entries) => Entries = entries;

    /// <summary>The lines.</summary>
    public ImmutableArray<OvfManifestEntry> Entries { get; }

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="DiagnosticException">OVF010.</exception>
    public static OvfManifest Parse(ReadOnlySpan<byte> bytes, string where)
    {
        var entries = ImmutableArray.CreateBuilder<OvfManifestEntry>();
        var number = 0;
        foreach (var line in GuestText.Decode(bytes).TrimStart('\ufeff').Split('\n'))
        {
            number++;
            var text = line.Trim();
            if (text.Length == 0)
            {
                continue;
            }

            var open = text.IndexOf('(', StringComparison.Ordinal);
            var equals = text.LastIndexOf('=');
            var close = equals < 0 ? -1 : text.LastIndexOf(')', equals);
            if (open < 1 || close < open)
            {
                throw OvfDiagnostics.BadManifest.ToException($"line {number} is not of the form SHA256(file)= digest", where);
            }

            var algorithm = text[..open].Trim().Replace("-", "", StringComparison.Ordinal).ToUpperInvariant();
            var hash = algorithm switch
            {
                "SHA1" => HashAlgorithmName.SHA1,
                "SHA256" => HashAlgorithmName.SHA256,
                "SHA384" => HashAlgorithmName.SHA384,
                "SHA512" => HashAlgorithmName.SHA512,
                _ => throw OvfDiagnostics.BadManifest.ToException($"line {number} has a digest of the kind '{algorithm}'; SHA1, SHA256, SHA384 and SHA512 are verified", where),
            };
            var digits = text[(equals + 1)..].Trim();
            if (digits.Length != LengthOf(hash) * 2 || !digits.All(char.IsAsciiHexDigit))
            {
                throw OvfDiagnostics.BadManifest.ToException($"line {number} has {digits.Length} digits, {algorithm} has {LengthOf(hash) * 2}", where);
            }

            entries.Add(new OvfManifestEntry(hash, text[(open + 1)..close].Trim(), digits.ToLowerInvariant()));
        }

        return new OvfManifest(entries.ToImmutable());
    }

    private static int LengthOf(HashAlgorithmName hash)
        => hash == HashAlgorithmName.SHA1 ? SHA1.HashSizeInBytes : hash == HashAlgorithmName.SHA256 ? SHA256.HashSizeInBytes : hash == HashAlgorithmName.SHA384 ? SHA384.HashSizeInBytes : SHA512.HashSizeInBytes;
}

/// <summary>A line of a manifest.</summary>
/// <param name="Hash">Kind of digest.</param>
/// <param name="FileName">The file.</param>
/// <param name="Digest">Its digest, in lower case.</param>
internal sealed record OvfManifestEntry(HashAlgorithmName Hash, string FileName, string Digest);
