using System.Security.Cryptography;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>Writes the part of an undo journal that must be durable before a disk is touched: the description and every range, old bytes and new, closed by a seal.</summary>
public static class UndoJournalWriter
{
    /// <summary>Writes it.</summary>
    /// <param name="file">The file; it is flushed, and gets its name by the caller, so that a journal under its name is always whole.</param>
    /// <param name="description">The disks.</param>
    /// <param name="ranges">What is to be written, in order, without overlaps on a disk; asked for twice.</param>
    /// <returns>Bytes of the disks that will be written.</returns>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    public static long Write(IImageFile file, UndoDescription description, Func<IEnumerable<UndoRange>> ranges)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(ranges);
        var text = Encoding.UTF8.GetBytes(ModelJson.Serialize(description));
        var (count, payload) = (0L, 0L);
        foreach (var range in ranges())
        {
            count++;
            payload += (IsZero(range.Old) ? 0 : range.Old.Length) + (IsZero(range.New) ? 0 : range.New.Length);
        }

        var sealedLength = UndoFormat.HeaderSize + text.Length + UndoFormat.HashSize + (count * UndoFormat.RangeSize) + payload + UndoFormat.SealSize;
        using var output = new Output(file);
        output.Write(UndoFormat.Header(description.Disks.Length, text.Length, count, sealedLength));
        output.Write(text);
        output.Write(SHA256.HashData(text));
        long written = 0;
        foreach (var range in ranges())
        {
            var (oldIsZero, newIsZero) = (IsZero(range.Old), IsZero(range.New));
            byte[] bytes = [.. oldIsZero ? [] : range.Old.Span, .. newIsZero ? [] : range.New.Span];
            output.Write(UndoFormat.Range(range.Disk, range.Offset, range.New.Length, oldIsZero, newIsZero, bytes));
            output.Write(bytes);
            written += range.New.Length;
        }

        output.Seal(count);
        file.Flush();
        return written;
    }

    private static bool IsZero(ReadOnlyMemory<byte> bytes) => !bytes.Span.ContainsAnyExcept((byte)0);

    private sealed class Output(IImageFile file) : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _position;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            _hash.AppendData(bytes);
            file.Write(new FileOffset(_position), bytes);
            _position += bytes.Length;
        }

        public void Seal(long count) => file.Write(new FileOffset(_position), UndoFormat.Seal(count, _hash.GetHashAndReset()));

        public void Dispose() => _hash.Dispose();
    }
}
