using System.Collections.Immutable;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Rehost.Remote.Xapi;

/// <summary>Whose certificate is believed: one with a given fingerprint, one signed by a given authority, or one that this computer trusts.</summary>
/// <param name="Fingerprints">SHA-256 of certificates, in hexadecimal, colons allowed; a pool has one for each host.</param>
/// <param name="AuthorityFile">PEM file of authorities; null for this computer's own.</param>
public sealed record XapiTrust(ImmutableArray<string> Fingerprints, string? AuthorityFile)
{
    /// <summary>What this computer trusts.</summary>
    public static XapiTrust System { get; } = new([], null);

    /// <summary>Fingerprint of a certificate as openssl prints it.</summary>
    internal static string FingerprintOf(X509Certificate certificate) => string.Join(':', Convert.ToHexString(SHA256.HashData(certificate.GetRawCertData())).Chunk(2).Select(pair => new string(pair)));

    /// <summary>TLS settings that believe just that, and tell what they refused.</summary>
    internal SslClientAuthenticationOptions ToOptions(string host, Action<string> refused)
    {
        var known = Fingerprints.Select(Normal).ToImmutableArray();
        var authorities = AuthorityFile is { } file ? ReadAuthorities(file) : null;
        return new SslClientAuthenticationOptions
        {
            TargetHost = host,
            RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                if (certificate is null)
                {
                    refused("it shows none");
                    return false;
                }

                var fingerprint = FingerprintOf(certificate);
                var isTrusted = !known.IsEmpty ? known.Contains(Normal(fingerprint))
                    : authorities is null ? errors == SslPolicyErrors.None
                    : (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None && IsSignedBy(certificate, authorities);
                if (!isTrusted)
                {
                    refused($"its SHA-256 fingerprint is {fingerprint}{(known.IsEmpty ? $" ({errors})" : ", which is none of those given")}");
                }

                return isTrusted;
            },
        };
    }

    private static string Normal(string fingerprint) => fingerprint.Replace(":", "", StringComparison.Ordinal).Trim().ToUpperInvariant();

    private static X509Certificate2Collection ReadAuthorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw XapiDiagnostics.NotTrusted.ToException($"the authorities cannot be read: {e.Message}", file, e);
        }

        return authorities.Count > 0 ? authorities : throw XapiDiagnostics.NotTrusted.ToException("the file holds no certificate (PEM)", file);
    }

    private static bool IsSignedBy(X509Certificate certificate, X509Certificate2Collection authorities)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // the hosts' own authorities publish no lists
        using var own = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return chain.Build(own);
    }
}
