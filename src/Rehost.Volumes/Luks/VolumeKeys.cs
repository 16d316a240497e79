using System.Security.Cryptography;

namespace Rehost.Volumes.Luks;

/// <summary>Passphrases and key files for encrypted volumes. They are cleared from memory when this is disposed, and appear in no message.</summary>
public sealed class VolumeKeys : IDisposable
{
    private readonly List<(string? Volume, byte[] Key)> _keys = [];

    /// <summary>Takes a key. The array belongs to this object from now on.</summary>
    /// <param name="volume">UUID or device name (xvda3) of the volume that it opens; null to try it on each.</param>
    /// <param name="key">Passphrase or content of the key file.</param>
    public void Add(string? volume, byte[] key)
    {
        ArgumentNullException.ThrowIfNull(key);
        _keys.Add((volume, key));

        // An editor ends a file with a line feed that is no part of the passphrase; cryptsetup takes a key file as it is, a typed passphrase without it.
        if (key.Length > 1 && key[^1] == '\n')
        {
            _keys.Add((volume, key[..^1]));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, key) in _keys)
        {
            CryptographicOperations.ZeroMemory(key);
        }

        _keys.Clear();
    }

    /// <summary>Keys to try on a volume: those given for it, then those given for any.</summary>
    internal IReadOnlyList<byte[]> For(string uuid, string deviceName)
        => [.. _keys.Where(key => key.Volume is { } volume && (string.Equals(volume, uuid, StringComparison.OrdinalIgnoreCase) || volume == deviceName || volume == "/dev/" + deviceName))
            .Concat(_keys.Where(key => key.Volume is null)).Select(key => key.Key)];
}
