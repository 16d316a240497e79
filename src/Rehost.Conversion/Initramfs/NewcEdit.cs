using System.Globalization;
using System.Text;
using Rehost.Archives;
using Rehost.Conversion.Appliers;

namespace Rehost.Conversion.Initramfs;

/// <summary>
/// Changes a newc archive that lies in memory: one file gets new content in its place, others are added before the trailer. Every other entry keeps its bytes: owners, times, device nodes and links.
/// </summary>
internal static class NewcEdit
{
    private const int HeaderLength = 110;
    private const int MaximumEntries = 1_000_000;

    /// <summary>Content of a file of the archive; null when it has none of that name.</summary>
    public static byte[]? Find(ReadOnlySpan<byte> archive, string path, string where)
    {
        byte[]? found = null;
        foreach (var entry in Entries(archive, where))
        {
            found = entry.Path == path ? archive.Slice(entry.Content, entry.Size).ToArray() : found;
        }

        return found;
    }

    /// <summary>Makes the new archive.</summary>
    /// <param name="archive">The archive; what follows its trailer is kept.</param>
    /// <param name="path">The file that gets new content.</param>
    /// <param name="content">Its new content.</param>
    /// <param name="added">Files to add, with mode 0644; a file of that name is dropped first. Their directory is made where the archive has none.</param>
    /// <param name="directory">The directory of the added files.</param>
    /// <param name="where">What to call the archive in messages.</param>
    public static byte[] Replace(ReadOnlySpan<byte> archive, string path, ReadOnlySpan<byte> content, IReadOnlyList<(string Path, ReadOnlyMemory<byte> Content)> added, string directory, string where)
    {
        using var output = new MemoryStream(archive.Length + content.Length);
        var names = added.Select(file => file.Path).ToHashSet(StringComparer.Ordinal);
        var hasDirectory = false;
        var done = false;
        var end = 0;
        foreach (var entry in Entries(archive, where))
        {
            hasDirectory |= entry.Path == directory;
            if (entry.Path == path)
            {
                if (entry.Links > 1)
                {
                    throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"{path} has {entry.Links} names, and its content may come with another one", where);
                }

                // The same header with another length: owner, mode and time stay.
                var header = Encoding.ASCII.GetString(archive.Slice(entry.Start, HeaderLength));
                output.Write(Encoding.ASCII.GetBytes(header[..54] + content.Length.ToString("X8", CultureInfo.InvariantCulture) + header[62..]));
                output.Write(archive[(entry.Start + HeaderLength)..entry.Content]);
                output.Write(content);
                Pad(output);
                done = true;
            }
            else if (entry.IsTrailer)
            {
                end = entry.Start;
            }
            else if (!names.Contains(entry.Path))
            {
                output.Write(archive[entry.Start..entry.End]);
            }
        }

        if (!done)
        {
            throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"the archive has no file {path}", where);
        }

        Add(output, added, hasDirectory ? null : directory);
        output.Write(archive[end..]);
        return output.ToArray();
    }

    private static void Add(MemoryStream output, IReadOnlyList<(string Path, ReadOnlyMemory<byte> Content)> added, string? directory)
    {
        // The writer numbers its inodes from 1, which matters to nobody but for hard links: each of these has one link only.
        using var own = new MemoryStream();
        var writer = new CpioWriter(own);
        if (directory is not null)
        {
            writer.AddDirectory(directory);
        }

        foreach (var (path, content) in added)
        {
            writer.AddFile(path, content.Span);
        }

        output.Write(own.GetBuffer().AsSpan(0, (int)own.Length)); // not finished: the archive has its own trailer
    }

    private static void Pad(MemoryStream output)
    {
        while (output.Length % 4 != 0)
        {
            output.WriteByte(0);
        }
    }

    internal static List<Entry> Entries(ReadOnlySpan<byte> archive, string where)
    {
        var entries = new List<Entry>();
        for (var position = 0; ;)
        {
            if (archive.Length - position < HeaderLength || !archive[position..].StartsWith("07070"u8) || archive[position + 5] is not ((byte)'1' or (byte)'2') || entries.Count >= MaximumEntries)
            {
                throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"no header of a newc archive at offset {position} of {archive.Length}", where);
            }

            var links = Number(archive, position + 38, where);
            var size = Number(archive, position + 54, where);
            var nameSize = Number(archive, position + 94, where);
            var content = Align(position + HeaderLength + nameSize);
            var next = Align(content + size);
            if (nameSize is 0 or > CpioReader.MaxName || content + size > archive.Length)
            {
                throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"the entry at offset {position} is longer than the archive", where);
            }

            var name = Model.GuestText.Decode(archive.Slice(position + HeaderLength, (int)nameSize - 1));
            var entry = new Entry(Clean(name), position, (int)content, (int)size, (int)Math.Min(next, archive.Length), (int)Math.Min(links, int.MaxValue), name == "TRAILER!!!");
            entries.Add(entry);
            if (entry.IsTrailer)
            {
                return entries;
            }

            position = entry.End;
        }
    }

    private static string Clean(string name) => (name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name).Trim('/');

    private static long Align(long offset) => (offset + 3) & ~3L;

    private static long Number(ReadOnlySpan<byte> archive, int offset, string where)
        => uint.TryParse(archive.Slice(offset, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            ? number : throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"no hexadecimal number at offset {offset}", where);

    internal sealed record Entry(string Path, int Start, int Content, int Size, int End, int Links, bool IsTrailer);
}
