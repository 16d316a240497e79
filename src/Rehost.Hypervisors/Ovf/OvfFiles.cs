using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Rehost.Blocks;
using Rehost.DiskFormats.Compression;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>The files of a package. What a descriptor calls them is a stranger's word: only names beside the descriptor or below it are followed.</summary>
internal sealed partial class OvfFiles(IImageDirectory directory, string where)
{
    private const int PartLimit = 4096;
    private const int BufferLength = 1 << 20;
    private const long CompressedOverhead = 64 << 20;
    private readonly HashSet<string> _opened = new(StringComparer.Ordinal);

    /// <summary>Names of the files that were opened.</summary>
    public IReadOnlyCollection<string> Opened => _opened;

    /// <summary>Reads a whole small file.</summary>
    /// <exception cref="DiagnosticException">It is too large (OVF002).</exception>
    public static byte[] ReadSmall(IImageDirectory directory, string name, int limit)
    {
        var file = directory.Open(name);
        using var device = file.File;
        if (device.Length > limit)
        {
            throw OvfDiagnostics.TooLarge.ToException($"it has {device.Length} bytes; at most {limit} are read", file.Name);
        }

        var bytes = new byte[device.Length];
        device.Read(GuestOffset.Zero, bytes);
        return bytes;
    }

    /// <summary>Whether there is a file.</summary>
    /// <exception cref="DiagnosticException">The name leads elsewhere (OVF006).</exception>
    public bool Exists(string href) => directory.Exists(NameOf(href));

    /// <summary>Bytes of a file; 0 when it is missing.</summary>
    public long LengthOf(string href)
    {
        if (!Exists(href))
        {
            return 0;
        }

        using var file = directory.Open(NameOf(href)).File;
        return file.Length;
    }

    /// <summary>Hashes a file as it lies there.</summary>
    public byte[] Hash(string href, HashAlgorithmName algorithm, Action<long>? progress, CancellationToken cancellationToken)
    {
        using var file = directory.Open(NameOf(href)).File;
        using var hash = IncrementalHash.CreateHash(algorithm);
        var buffer = new byte[BufferLength];
        for (long at = 0; at < file.Length; at += buffer.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, file.Length - at));
            file.Read(new GuestOffset(at), part);
            hash.AppendData(part);
            progress?.Invoke(part.Length);
        }

        return hash.GetHashAndReset();
    }

    /// <summary>Opens the content of a file: parts joined, gzip undone.</summary>
    /// <param name="file">The file.</param>
    /// <param name="capacity">Size of the disk in it, where known.</param>
    /// <param name="report">Takes findings.</param>
    /// <param name="cancellationToken">Stops the pass over compressed content.</param>
    public ReferencedFile Open(OvfFile file, long? capacity, Action<Diagnostic> report, CancellationToken cancellationToken)
    {
        var opened = file.ChunkSize is { } chunkSize ? OpenParts(file, chunkSize) : OpenOne(file.Href);
        if (file.Size is { } size && size != opened.File.Length)
        {
            report(OvfDiagnostics.SizeDiffers.Create($"'{file.Href}' has {opened.File.Length} bytes, its size is said to be {size}", where));
        }

        if (!file.IsGzip)
        {
            return opened;
        }

        // No container adds more than a few per cent to its disk; a raw one adds nothing.
        var limit = capacity is { } bytes ? checked(bytes + (bytes / 8) + CompressedOverhead) : long.MaxValue;
        return opened with { File = CompressedFile.OpenGzip(opened.File, opened.Name, limit, cancellationToken) };
    }

    private ReferencedFile OpenOne(string href)
    {
        var file = directory.Open(NameOf(href));
        _opened.Add(file.Name);
        return file;
    }

    // DSP0243 section 7.1: parts are named href.000000000, href.000000001 and so on.
    private ReferencedFile OpenParts(OvfFile file, long chunkSize)
    {
        var parts = new List<ReferencedFile>();
        try
        {
            while (Exists(PartOf(parts.Count)))
            {
                if (parts.Count == PartLimit)
                {
                    throw OvfDiagnostics.TooLarge.ToException($"'{file.Href}' has more than {PartLimit} parts", where);
                }

                if (parts.Count > 0 && parts[^1].File.Length != chunkSize)
                {
                    throw OvfDiagnostics.BadReference.ToException($"'{PartOf(parts.Count - 1)}' has {parts[^1].File.Length} bytes; every part but the last has {chunkSize}", where);
                }

                parts.Add(OpenOne(PartOf(parts.Count)));
            }

            // Written by tools that split only what is larger than a part.
            if (parts.Count == 0)
            {
                return Exists(file.Href) ? OpenOne(file.Href) : throw BlockDiagnostics.NotFound.ToException($"the disk is split, and its first part '{PartOf(0)}' is missing", where);
            }

            if (file.Size is { } size && parts.Sum(part => part.File.Length) != size)
            {
                throw OvfDiagnostics.BadReference.ToException($"the {parts.Count} parts of '{file.Href}' have {parts.Sum(part => part.File.Length)} bytes together, {size} are needed", where);
            }

            return parts[0] with { File = new ConcatDevice([.. parts.Select(part => part.File)], ownsParts: true), Name = parts[0].Name[..^".000000000".Length] };
        }
        catch
        {
            parts.ForEach(part => part.File.Dispose());
            throw;
        }

        string PartOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{file.Href}.{number:D9}");
    }

    /// <summary>The name that a reference means: as it stands, or with percent signs undone, since hrefs are URIs and most exporters forget it.</summary>
    private string NameOf(string href)
    {
        Demand(href, href);
        if (!href.Contains('%', StringComparison.Ordinal) || directory.Exists(href))
        {
            return href;
        }

        var decoded = Uri.UnescapeDataString(href);
        Demand(decoded, href);
        return decoded;
    }

    private void Demand(string name, string href)
    {
        var why = Scheme().IsMatch(name) ? "it is on another machine or names a protocol"
            : name.StartsWith('/') ? "it is absolute"
            : name.Contains('\\', StringComparison.Ordinal) ? "it is a path of Windows"
            : name.Split('/').Contains("..") ? "it leads out of the package"
            : name.Length == 0 || name.Any(char.IsControl) ? "it is no name"
            : null;
        if (why is not null)
        {
            throw OvfDiagnostics.UnsafeReference.ToException($"'{href}': {why}", where);
        }
    }

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9+.-]*:", RegexOptions.CultureInvariant)]
    private static partial Regex Scheme();
}
