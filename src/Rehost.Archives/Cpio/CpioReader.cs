using System.Globalization;
using Rehost.Model;

namespace Rehost.Archives;

/// <summary>Reads one cpio archive in the formats that the kernel and old tools write: newc (070701), newc with checksums (070702), odc (070707). Forward only.</summary>
public sealed class CpioReader
{
    /// <summary>Longest name, as the kernel's PATH_MAX.</summary>
    public const int MaxName = 4096;

    /// <summary>More entries than any initramfs has.</summary>
    public const int MaxEntries = 1_000_000;

    private const int NewcHeader = 110;
    private const int OdcHeader = 76;
    private readonly Stream source;
    private readonly string? where;
    private readonly CancellationToken cancellationToken;
    private readonly byte[] skipBuffer = new byte[16 * 1024];
    private long contentLeft;
    private int padding;
    private int entries;
    private bool checksummed;
    private uint checksum;
    private uint neededChecksum;
    private bool ended;

    /// <summary>Starts at the first header.</summary>
    /// <param name="source">Stands at the archive's first byte; left open.</param>
    /// <param name="where">What to call the archive in messages.</param>
    /// <param name="cancellationToken">Stops reading between entries.</param>
    public CpioReader(Stream source, string? where = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        this.source = source;
        this.where = where;
        this.cancellationToken = cancellationToken;
    }

    /// <summary>Bytes of the archive read so far; behind the trailer once <see cref="Next"/> has returned null.</summary>
    public long Position { get; private set; }

    /// <summary>Whether bytes start a cpio archive.</summary>
    public static bool LooksLike(ReadOnlySpan<byte> head) => head is [(byte)'0', (byte)'7', (byte)'0', (byte)'7', (byte)'0', (byte)'1' or (byte)'2' or (byte)'7', ..];

    /// <summary>Goes to the next entry, skipping what is left of the one before; null at the trailer.</summary>
    /// <exception cref="DiagnosticException">The archive is damaged, truncated or beyond all reason.</exception>
    public CpioEntry? Next()
    {
        if (ended)
        {
            return null;
        }

        cancellationToken.ThrowIfCancellationRequested();
        SkipContent();
        var start = Position;
        Span<byte> header = stackalloc byte[NewcHeader];
        ReadExactly(header[..6]);
        if (!LooksLike(header))
        {
            throw Bad($"the header at offset {start} of the archive starts with {Convert.ToHexString(header[..6])}, not with 070701, 070702 or 070707");
        }

        var odc = header[5] == (byte)'7';
        header = odc ? header[..OdcHeader] : header;
        ReadExactly(header[6..]);
        if (++entries > MaxEntries)
        {
            throw ArchiveDiagnostics.CpioLimit.ToException($"the archive has more than {MaxEntries} entries", where);
        }

        var entry = odc ? ReadOdc(header, start) : ReadNewc(header, start);
        if (entry.Name == "TRAILER!!!")
        {
            // The trailer may claim content; the kernel skips it, and so do we.
            SkipContent();
            ended = true;
            return null;
        }

        return entry;
    }

    /// <summary>Reads content of the current entry.</summary>
    /// <returns>Bytes read; zero at its end.</returns>
    public int ReadContent(Span<byte> buffer)
    {
        var wanted = (int)Math.Min(buffer.Length, contentLeft);
        if (wanted == 0)
        {
            return 0;
        }

        buffer = buffer[..wanted];
        ReadExactly(buffer);
        contentLeft -= wanted;
        if (checksummed)
        {
            foreach (var value in buffer)
            {
                checksum = unchecked(checksum + value);
            }

            if (contentLeft == 0 && checksum != neededChecksum)
            {
                throw ArchiveDiagnostics.ChecksumMismatch.ToException($"the content's sum is 0x{checksum:x8}, the header at or before offset {Position} says 0x{neededChecksum:x8}", where);
            }
        }

        return wanted;
    }

    /// <summary>Reads the whole content of the current entry.</summary>
    /// <param name="limit">Longer content ends in ARC011.</param>
    public byte[] ReadAllContent(long limit)
    {
        if (contentLeft > Math.Min(limit, Array.MaxLength))
        {
            throw ArchiveDiagnostics.CpioLimit.ToException($"an entry has {contentLeft} bytes, at most {limit} were expected", where);
        }

        // Grows with what is really there: a size in a header of a truncated archive costs nothing.
        using var content = new MemoryStream((int)Math.Min(contentLeft, 1 << 20));
        Span<byte> part = skipBuffer;
        for (var count = ReadContent(part); count > 0; count = ReadContent(part))
        {
            content.Write(part[..count]);
        }

        return content.ToArray();
    }

    private CpioEntry ReadNewc(ReadOnlySpan<byte> header, long start)
    {
        Span<uint> fields = stackalloc uint[13];
        for (var i = 0; i < fields.Length; i++)
        {
            var field = header.Slice(6 + (8 * i), 8);
            if (!uint.TryParse(field, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out fields[i]))
            {
                throw Bad($"field {i} of the header at offset {start} is no hexadecimal number: {Convert.ToHexString(field)}");
            }
        }

        var name = ReadName(fields[11], start);
        SkipPadding();
        contentLeft = fields[6];
        padding = (int)((4 - (fields[6] & 3)) & 3);
        checksummed = header[5] == (byte)'2' && (fields[1] & 0xF000) == 0x8000;
        neededChecksum = fields[12];
        checksum = 0;
        return new CpioEntry(name, fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], fields[0], fields[7], fields[8], fields[9], fields[10]);
    }

    private CpioEntry ReadOdc(ReadOnlySpan<byte> header, long start)
    {
        long Field(ReadOnlySpan<byte> header, int offset, int width)
        {
            long value = 0;
            foreach (var digit in header.Slice(offset, width))
            {
                if (digit is < (byte)'0' or > (byte)'7')
                {
                    throw Bad($"the header at offset {start} has a field that is no octal number");
                }

                value = (value << 3) | (uint)(digit - '0');
            }

            return value;
        }

        var device = (uint)Field(header, 6, 6);
        var node = (uint)Field(header, 42, 6);
        contentLeft = 0;
        var name = ReadName(Field(header, 59, 6), start);
        contentLeft = Field(header, 65, 11);
        padding = 0;
        checksummed = false;
        return new CpioEntry(
            name, (uint)Field(header, 18, 6), (uint)Field(header, 24, 6), (uint)Field(header, 30, 6), (uint)Field(header, 36, 6),
            (uint)(Field(header, 48, 11) & uint.MaxValue), contentLeft, (uint)Field(header, 12, 6), device >> 8, device & 0xFF, node >> 8, node & 0xFF);
    }

    private string ReadName(long length, long start)
    {
        if (length is < 1 or > MaxName)
        {
            throw Bad($"the name at offset {start} has {length} bytes, 1 to {MaxName} are allowed");
        }

        var name = new byte[(int)length];
        ReadExactly(name);
        var end = name.AsSpan().IndexOf((byte)0);
        return end >= 0 ? GuestText.Decode(name.AsSpan(0, end)) : throw Bad($"the name at offset {start} does not end with a NUL");
    }

    private void SkipContent()
    {
        while (contentLeft > 0)
        {
            ReadContent(skipBuffer);
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (padding > 0)
        {
            SkipPadding();
            padding = 0;
        }
    }

    /// <summary>Headers and content start at multiples of four, counted from the archive's start.</summary>
    private void SkipPadding()
    {
        var count = (int)((4 - (Position & 3)) & 3);
        ReadExactly(skipBuffer.AsSpan(0, count));
    }

    private void ReadExactly(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var read = source.Read(buffer);
            if (read <= 0)
            {
                throw ArchiveDiagnostics.Truncated.ToException($"the cpio archive ends at offset {Position}, {buffer.Length} more bytes are needed", where);
            }

            Position += read;
            buffer = buffer[read..];
        }
    }

    private DiagnosticException Bad(string message) => ArchiveDiagnostics.BadCpio.ToException(message, where);
}
