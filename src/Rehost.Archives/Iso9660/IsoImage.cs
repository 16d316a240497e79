using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Rehost.Blocks;

namespace Rehost.Archives.Iso9660;

/// <summary>A file of an image.</summary>
/// <param name="Path">Path without leading slash.</param>
/// <param name="Offset">First byte.</param>
/// <param name="LengthBytes">Bytes.</param>
public sealed record IsoFile(string Path, long Offset, long LengthBytes);

/// <summary>
/// Reads the files of an ISO 9660 image (ECMA-119), by its Joliet names where it has them, else by Rock Ridge names, else by its own without version. Files in several
/// extents and interleaved ones are not read; drivers' media have none.
/// </summary>
public sealed class IsoImage
{
    private const int Sector = 2048;
    private const int FirstDescriptor = 16;
    private const int MostDescriptors = 64;
    private const int MostFiles = 100_000;
    private const int Deepest = 32;
    private const long LargestDirectory = 16 << 20;
    private readonly IBlockDevice _device;
    private readonly bool _isJoliet;

    private IsoImage(IBlockDevice device, bool isJoliet)
    {
        _device = device;
        _isJoliet = isJoliet;
    }

    /// <summary>All files, by path.</summary>
    public ImmutableArray<IsoFile> Files { get; private set; } = [];

    /// <summary>Opens an image; the device belongs to the caller.</summary>
    /// <exception cref="Model.DiagnosticException">It is none (ISO001), or damaged (ISO002).</exception>
    public static IsoImage Open(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        byte[]? primary = null;
        byte[]? joliet = null;
        for (var i = 0; i < MostDescriptors; i++)
        {
            var at = (long)(FirstDescriptor + i) * Sector;
            if (at + Sector > device.Length)
            {
                break;
            }

            var descriptor = new byte[Sector];
            device.Read(new GuestOffset(at), descriptor);
            if (!descriptor.AsSpan(1, 5).SequenceEqual("CD001"u8) || descriptor[0] == 255)
            {
                break;
            }

            // Escape sequences for UCS-2 of levels 1 to 3 tell Joliet from other supplementary descriptors.
            primary = descriptor[0] == 1 ? primary ?? descriptor : primary;
            joliet = descriptor[0] == 2 && descriptor[88] == '%' && descriptor[89] == '/' && descriptor[90] is (byte)'@' or (byte)'C' or (byte)'E' ? joliet ?? descriptor : joliet;
        }

        if ((joliet ?? primary) is not { } chosen)
        {
            throw IsoDiagnostics.NotAnIso.ToException("there is no volume descriptor in sector 16 and after");
        }

        var image = new IsoImage(device, joliet is not null);
        image.Files = image.Walk(chosen.AsSpan(156, 34).ToArray());
        return image;
    }

    /// <summary>Content of a file.</summary>
    public byte[] Read(IsoFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return ReadRange(file.Offset, file.LengthBytes, file.Path);
    }

    private ImmutableArray<IsoFile> Walk(byte[] root)
    {
        var files = new List<IsoFile>();
        var seen = new HashSet<long>();
        var work = new Stack<(long Offset, long Length, string Path, int Depth)>([(Extent(root) * Sector, Size(root), "", 0)]);
        while (work.TryPop(out var directory))
        {
            if (directory.Depth > Deepest || !seen.Add(directory.Offset))
            {
                throw IsoDiagnostics.Damaged.ToException("directories are in each other, or too deep", directory.Path);
            }

            if (directory.Length > LargestDirectory)
            {
                throw IsoDiagnostics.Damaged.ToException($"a directory of {directory.Length} bytes", directory.Path);
            }

            var content = ReadRange(directory.Offset, directory.Length, directory.Path);
            for (var at = 0; at < content.Length;)
            {
                int length = content[at];
                if (length == 0)
                {
                    at = (at / Sector * Sector) + Sector; // records do not cross sectors
                    continue;
                }

                if (length < 34 || at + length > content.Length || 33 + content[at + 32] > length)
                {
                    throw IsoDiagnostics.Damaged.ToException($"a directory record of {length} bytes", directory.Path);
                }

                Add(content.AsSpan(at, length), directory, files, work);
                at += length;
            }
        }

        return [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    private void Add(ReadOnlySpan<byte> record, (long Offset, long Length, string Path, int Depth) directory, List<IsoFile> files, Stack<(long Offset, long Length, string Path, int Depth)> work)
    {
        const byte isDirectory = 2;
        const byte continues = 0x80;
        var identifier = record.Slice(33, record[32]);
        if (identifier.Length == 1 && identifier[0] <= 1)
        {
            return; // the directory itself, and the one above it
        }

        var name = NameOf(record, identifier);
        var path = directory.Path.Length == 0 ? name : $"{directory.Path}/{name}";
        if (name.Length == 0 || name is "." or ".." || name.Contains('/', StringComparison.Ordinal) || files.Count >= MostFiles)
        {
            throw IsoDiagnostics.Damaged.ToException(files.Count >= MostFiles ? $"more than {MostFiles} files" : $"the name '{name}'", directory.Path);
        }

        if ((record[25] & isDirectory) != 0)
        {
            work.Push((Extent(record) * Sector, Size(record), path, directory.Depth + 1));
        }
        else if ((record[25] & continues) == 0 && record[26] == 0)
        {
            files.Add(new IsoFile(path, Extent(record) * Sector, Size(record)));
        }
    }

    private string NameOf(ReadOnlySpan<byte> record, ReadOnlySpan<byte> identifier)
    {
        // The byte that pads an even identifier may be missing where nothing follows it.
        var systemUse = Math.Min(33 + identifier.Length + (identifier.Length % 2 == 0 ? 1 : 0), record.Length);
        var name = _isJoliet ? Encoding.BigEndianUnicode.GetString(identifier) : RockRidgeName(record[systemUse..]) ?? Encoding.Latin1.GetString(identifier);
        var version = name.LastIndexOf(';');
        return (version > 0 ? name[..version] : name).TrimEnd('.');
    }

    // System Use Sharing Protocol: entries of two letters, length, version; NM holds flags and the name.
    private static string? RockRidgeName(ReadOnlySpan<byte> systemUse)
    {
        var name = new StringBuilder();
        while (systemUse.Length >= 5 && systemUse[2] >= 4 && systemUse[2] <= systemUse.Length)
        {
            if (systemUse[0] == 'N' && systemUse[1] == 'M' && systemUse[2] > 5)
            {
                name.Append(Encoding.UTF8.GetString(systemUse[5..systemUse[2]]));
            }

            systemUse = systemUse[systemUse[2]..];
        }

        return name.Length == 0 ? null : name.ToString();
    }

    private byte[] ReadRange(long offset, long length, string what)
    {
        if (offset < 0 || length < 0 || length > int.MaxValue || offset > _device.Length - length)
        {
            throw IsoDiagnostics.Damaged.ToException($"{length} bytes at {offset}; the image has {_device.Length}", what);
        }

        var content = new byte[length];
        _device.Read(new GuestOffset(offset), content);
        return content;
    }

    private static long Extent(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt32LittleEndian(record[2..]);

    private static long Size(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt32LittleEndian(record[10..]);
}
