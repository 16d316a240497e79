using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Rehost.Model;

namespace Rehost.Archives;

/// <summary>Buffered forward reading of compressed bytes with an exact count of those consumed, so that the next concatenated member is found.</summary>
internal sealed class CompressedInput
{
    private const int DefaultBuffer = 64 * 1024;
    private const int BytesToGoBack = 8;
    private readonly Stream? source;
    private byte[] buffer;
    private int next;
    private int end;
    private long bufferStart;

    public CompressedInput(Stream source, string? where)
    {
        this.source = source;
        Where = where;
        buffer = new byte[DefaultBuffer];
    }

    public CompressedInput(ReadOnlyMemory<byte> data, string? where)
    {
        Where = where;
        if (MemoryMarshal.TryGetArray(data, out var segment) && segment.Array is { } array)
        {
            buffer = array;
            next = segment.Offset;
            end = segment.Offset + segment.Count;
            bufferStart = -segment.Offset;
        }
        else
        {
            buffer = data.ToArray();
            end = buffer.Length;
        }
    }

    public string? Where { get; }

    /// <summary>Bytes consumed so far.</summary>
    public long Position => bufferStart + next;

    public bool AtEnd => !Ensure(1);

    /// <summary>At least <paramref name="minimum"/> bytes and whatever else is in the buffer; less only at the end of the input.</summary>
    public ReadOnlySpan<byte> Buffered(int minimum)
    {
        Ensure(minimum);
        return buffer.AsSpan(next, end - next);
    }

    /// <summary>Up to <paramref name="count"/> bytes without consuming them; less only at the end of the input.</summary>
    public ReadOnlySpan<byte> Peek(int count)
    {
        Ensure(count);
        return buffer.AsSpan(next, Math.Min(count, end - next));
    }

    public void Advance(int count) => next += count;

    /// <summary>Consumes bytes; the span is valid until the next call.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        if (!Ensure(count))
        {
            throw Truncated(count);
        }

        next += count;
        return buffer.AsSpan(next - count, count);
    }

    public byte ReadByte() => next < end ? buffer[next++] : Take(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public void ReadExactly(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (!Ensure(1))
            {
                throw Truncated(destination.Length);
            }

            var run = Math.Min(destination.Length, end - next);
            buffer.AsSpan(next, run).CopyTo(destination);
            next += run;
            destination = destination[run..];
        }
    }

    public void Skip(long count)
    {
        while (count > 0)
        {
            if (!Ensure(1))
            {
                throw Truncated(count);
            }

            var run = (int)Math.Min(count, end - next);
            next += run;
            count -= run;
        }
    }

    public DiagnosticException Corrupt(string message) => ArchiveDiagnostics.Corrupt.ToException($"{message}, near compressed offset {Position}", Where);

    public DiagnosticException Unsupported(string message) => ArchiveDiagnostics.Unsupported.ToException($"{message}, near compressed offset {Position}", Where);

    public DiagnosticException Mismatch(string what, ulong found, ulong needed) =>
        ArchiveDiagnostics.ChecksumMismatch.ToException($"{what} is 0x{found:x}, stored is 0x{needed:x}, near compressed offset {Position}", Where);

    private DiagnosticException Truncated(long needed) =>
        ArchiveDiagnostics.Truncated.ToException($"the data ends at compressed offset {bufferStart + end}, {needed} more bytes are needed from offset {Position}", Where);

    private bool Ensure(int count)
    {
        if (end - next >= count)
        {
            return true;
        }

        if (source is null)
        {
            return false;
        }

        // What was read last is kept, for a bit reader that gives whole bytes back.
        var keep = Math.Min(next, BytesToGoBack);
        var rest = buffer.AsSpan(next - keep, end - next + keep);
        if (count + keep > buffer.Length)
        {
            // Callers ask for one block of a format at most (128 KiB), never for a length that the input names freely.
            var larger = new byte[count + DefaultBuffer];
            rest.CopyTo(larger);
            buffer = larger;
        }
        else
        {
            rest.CopyTo(buffer);
        }

        bufferStart += next - keep;
        end -= next - keep;
        next = keep;
        while (end - next < count)
        {
            var read = source.Read(buffer, end, buffer.Length - end);
            if (read <= 0)
            {
                return false;
            }

            end += read;
        }

        return true;
    }
}
