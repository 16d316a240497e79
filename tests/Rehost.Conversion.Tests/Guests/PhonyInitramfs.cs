using System.Globalization;
using System.IO.Compression;
using System.Text;
using Rehost.Archives;
using Rehost.Inspection.Tests.Guests;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>Archives of phony guests, the same bytes each time: no times, no inode numbers of the machine that runs the test.</summary>
internal static class PhonyInitramfs
{
    /// <summary>A gzipped newc archive of text files and modules (a name that ends with .ko needs nothing).</summary>
    public static byte[] Make(params (string Path, string Text)[] files)
    {
        using var plain = new MemoryStream();
        var writer = new CpioWriter(plain);
        foreach (var directory in files.SelectMany(file => Parents(file.Path)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            writer.AddDirectory(directory);
        }

        foreach (var (path, text) in files)
        {
            writer.AddFile(path, path.EndsWith(".ko", StringComparison.Ordinal) ? ElfFile.Module("") : Encoding.UTF8.GetBytes(text), path is "init" or "linuxrc" ? 0x1ED : 0x1A4);
        }

        writer.Finish();
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.NoCompression, leaveOpen: true))
        {
            gzip.Write(plain.GetBuffer().AsSpan(0, (int)plain.Length));
        }

        return packed.ToArray();
    }

    /// <summary>What is in a file, one line an entry, with the text of scripts: a form for diffs.</summary>
    public static string List(byte[] file)
    {
        var archive = new InitramfsArchive(file);
        var text = new StringBuilder();
        foreach (var entry in archive.ReadFiles())
        {
            text.Append(CultureInfo.InvariantCulture, $"{entry.Segment} {Convert.ToString(entry.Entry.Mode, 8)} {entry.Entry.Size,6} {entry.Path}\n");
            if (entry.Entry.IsFile && entry.Entry.Size < 20_000 && !entry.Path.EndsWith(".ko", StringComparison.Ordinal) && !entry.Path.EndsWith(".bin", StringComparison.Ordinal))
            {
                text.Append("    ").Append(Encoding.UTF8.GetString(entry.ReadAll(20_000)).TrimEnd('\n').Replace("\n", "\n    ", StringComparison.Ordinal)).Append('\n');
            }
        }

        return archive.Problem is { } problem ? text + problem.ToString() + "\n" : text.ToString();
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = path.IndexOf('/', slash + 1))
        {
            yield return path[..slash];
        }
    }
}
