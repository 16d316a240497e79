using Rehost.Model;

namespace Rehost.Archives;

/// <summary>
/// Walks an initramfs as the kernel does (init/initramfs.c): archives one after the other, each raw or compressed, zeros between them skipped, later files
/// replacing earlier ones. Memory stays flat however large the file is.
/// </summary>
public sealed class InitramfsArchive
{
    /// <summary>What all segments together may decode to unless the caller says otherwise.</summary>
    public const long DefaultMaxContent = 4L << 30;

    /// <summary>More archives in one file, segments or archives inside them, than anything but a hostile file has: three are usual.</summary>
    public const int MaxArchives = 1024;

    private readonly Func<long, Stream> open;
    private readonly long length;
    private readonly long maxContent;
    private readonly string? where;
    private readonly List<InitramfsSegment> segments = [];

    /// <summary>Prepares to read; nothing is read yet.</summary>
    /// <param name="open">Opens the file at an offset for reading forward.</param>
    /// <param name="length">Bytes of the file.</param>
    /// <param name="where">What to call the file in messages.</param>
    /// <param name="maxContent">More decoded bytes than this end in ARC006.</param>
    public InitramfsArchive(Func<long, Stream> open, long length, string? where = null, long maxContent = DefaultMaxContent)
    {
        ArgumentNullException.ThrowIfNull(open);
        this.open = open;
        this.length = length;
        this.where = where;
        this.maxContent = maxContent;
    }

    /// <summary>Prepares to read a file in memory.</summary>
    /// <param name="data">The file.</param>
    /// <param name="where">What to call the file in messages.</param>
    /// <param name="maxContent">More decoded bytes than this end in ARC006.</param>
    public InitramfsArchive(byte[] data, string? where = null, long maxContent = DefaultMaxContent)
        : this(offset => new MemoryStream(data, checked((int)offset), checked((int)(data.Length - offset)), writable: false), data?.Length ?? 0, where, maxContent)
    {
    }

    /// <summary>The archives found by the last complete <see cref="ReadFiles"/>.</summary>
    public IReadOnlyList<InitramfsSegment> Segments => segments;

    /// <summary>What the last <see cref="ReadFiles"/> came upon that the kernel will not like either; null when nothing. Files before it were yielded.</summary>
    public Diagnostic? Problem { get; private set; }

    /// <summary>Yields the entries of all segments in order; a later one of the same path replaces an earlier one.</summary>
    /// <remarks>Damage does not throw: it ends the walk and is in <see cref="Problem"/>, since the kernel too goes on with what it has unpacked.</remarks>
    /// <param name="cancellationToken">Stops reading.</param>
    public IEnumerable<InitramfsFile> ReadFiles(CancellationToken cancellationToken = default)
    {
        segments.Clear();
        Problem = null;
        long offset = 0;
        long content = 0;
        var archives = 0;
        var total = 0;
        while (Problem is null)
        {
            var head = FindSegment(ref offset, cancellationToken);
            if (head.Length == 0)
            {
                yield break;
            }

            // The kernel sees a raw archive only at a multiple of four (unpack_to_rootfs).
            var raw = CpioReader.LooksLike(head) && offset % 4 == 0;
            var kind = raw ? CompressionKind.None : Decompressor.Detect(head);
            if (!raw && kind == CompressionKind.None)
            {
                Problem = ArchiveDiagnostics.BadInitramfs.Create($"at offset {offset} of {length} there is neither a cpio archive at a multiple of four nor anything compressed: {Convert.ToHexString(head)}", where);
                yield break;
            }

            using var file = open(offset);
            using var decoded = raw ? null : Decompressor.Open(kind, file, Math.Max(0, maxContent - content), where: where, cancellationToken: cancellationToken);
            using var counted = new CountingStream(decoded ?? file);
            var entries = 0;
            var microcode = false;
            CpioReader? reader = null;
            // Inside a compressed member there may again be several archives with zeros between them.
            while (Problem is null && (reader is null || (!raw && SkipZeros(counted))))
            {
                if (++archives > MaxArchives)
                {
                    Problem = ArchiveDiagnostics.BadInitramfs.Create($"more than {MaxArchives} archives follow each other, near offset {offset} of {length}", where);
                    yield break;
                }

                reader = new CpioReader(counted, where, cancellationToken);
                while (TryNext(reader) is { } entry)
                {
                    entries++;
                    if (++total > CpioReader.MaxEntries)
                    {
                        Problem = ArchiveDiagnostics.CpioLimit.Create($"there are more than {CpioReader.MaxEntries} entries in all archives together", where);
                        yield break;
                    }

                    microcode |= raw && entry.Path.StartsWith("kernel/x86/microcode/", StringComparison.Ordinal);
                    yield return new InitramfsFile(entry, segments.Count, reader);
                }
            }

            if (Problem is not null)
            {
                yield break;
            }

            var consumed = raw ? counted.Count : decoded?.InputConsumed ?? 0;
            content += counted.Count;
            segments.Add(new InitramfsSegment(offset, consumed, kind, entries, counted.Count) { IsMicrocode = microcode });
            offset += consumed;
        }
    }

    private CpioEntry? TryNext(CpioReader reader)
    {
        try
        {
            return reader.Next();
        }
        catch (DiagnosticException e)
        {
            Problem = e.Diagnostic;
            return null;
        }
    }

    /// <summary>True when another archive follows inside the same compressed member; reads it to its end otherwise, so that checksums are verified.</summary>
    private bool SkipZeros(CountingStream stream)
    {
        try
        {
            return stream.SkipZeros();
        }
        catch (DiagnosticException e)
        {
            Problem = e.Diagnostic;
            return false;
        }
    }

    /// <summary>Skips zeros and returns the bytes that follow; empty at the end.</summary>
    private byte[] FindSegment(ref long offset, CancellationToken cancellationToken)
    {
        if (offset >= length)
        {
            return [];
        }

        using var file = open(offset);
        var buffer = new byte[64 * 1024];
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            var skip = buffer.AsSpan(0, count).IndexOfAnyExcept((byte)0);
            if (count == 0)
            {
                return [];
            }

            if (skip < 0)
            {
                offset += count;
                continue;
            }

            offset += skip;
            using var again = open(offset);
            var head = new byte[Decompressor.DetectLength];
            var got = again.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            return head[..got];
        }
    }
}
