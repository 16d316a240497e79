using System.Security.Cryptography;
using Rehost.Archives;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>Reads what an initramfs holds and which program made it, in flat memory.</summary>
internal static class InitramfsReader
{
    private const int BufferSize = 1 << 20;
    private const int MaximumModules = 20_000;

    /// <summary>Reads one file.</summary>
    public static InitramfsFacts Read(GuestNode file, CancellationToken cancellationToken) => Read(file, 0, file.Metadata.Length, cancellationToken);

    /// <summary>Reads a part of a file: the initramfs inside a unified kernel image. The hash is that of the whole file.</summary>
    public static InitramfsFacts Read(GuestNode file, long start, long length, CancellationToken cancellationToken)
    {
        var archive = new InitramfsArchive(offset => new BufferedStream(new GuestFileStream(file, start + offset, start + length), BufferSize), length, file.Path);
        var modules = new SortedSet<string>(StringComparer.Ordinal);
        var signs = new GeneratorSigns();
        string? reason = null;
        try
        {
            foreach (var entry in archive.ReadFiles(cancellationToken))
            {
                signs.Note(entry);
                if (entry.Entry.IsFile && KernelModules.NameOf(entry.Path) is { } name && modules.Count < MaximumModules)
                {
                    modules.Add(name);
                }
            }

            reason = archive.Problem?.ToString() ?? (archive.Segments.Count == 0 ? "the file holds no archive" : null);
        }
        catch (DiagnosticException e)
        {
            reason = e.Diagnostic.ToString();
        }

        // The main archive is the one with the files: microcode before it, and a prefix of ours, are smaller.
        var main = archive.Segments.Where(segment => !segment.IsMicrocode).MaxBy(segment => segment.ContentLength);
        return new InitramfsFacts
        {
            Path = file.Path,
            LengthBytes = length,
            Sha256 = Hash(file, cancellationToken),
            Compression = Name(main?.Kind ?? CompressionKind.None),
            Generator = signs.Generator,
            Modules = [.. modules],
            HooksPath = signs.HooksPath,
            InitPath = signs.InitPath,
            InitScript = signs.InitScript,
            UnreadableReason = reason,
        };
    }

    private static string Hash(GuestNode file, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var stream = new GuestFileStream(file, 0);
        var buffer = new byte[BufferSize];
        for (var count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static string Name(CompressionKind kind) => kind switch
    {
        CompressionKind.None => "none",
        CompressionKind.Lz4Legacy => "lz4",
        _ => kind.ToString().ToLowerInvariant(),
    };
}
