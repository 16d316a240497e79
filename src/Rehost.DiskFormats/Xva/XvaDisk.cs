using System.Buffers;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>
/// One disk of an XVA. A chunk is verified when it is touched for the first time: read as a whole, straight into the caller's buffer where that covers
/// it, compared with its checksum, and remembered. Any number of threads may read.
/// </summary>
public sealed class XvaDisk : IDiskImage
{
    private readonly IBlockDevice _file;
    private readonly XvaLayout _layout;
    private readonly int[] _verified;
    private readonly string _where;
    private readonly XvaArchive? _owned;

    internal XvaDisk(IBlockDevice file, string archive, string id, XvaLayout layout, XvaArchive? owned)
    {
        _file = file;
        _layout = layout;
        _where = $"{archive}, disk {id}";
        _verified = new int[(layout.Chunks.Length + 31) / 32];
        _owned = owned;
        Id = id;
        Length = layout.Length;
        Info = new DiskImageInfo("xva")
        {
            FileName = archive,
            UnitBytes = 1 << 20,
            Properties = [new ImageProperty("disk", id), new ImageProperty("chunks", layout.Chunks.Length.ToString(CultureInfo.InvariantCulture)), new ImageProperty("checksums", ChecksumsOf(layout))],
        };
    }

    /// <inheritdoc/>
    public DiskImageInfo Info { get; }

    /// <inheritdoc/>
    public IBlockDevice? Parent => null;

    /// <summary>The disk's reference in the archive.</summary>
    public string Id { get; }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _where);
        var position = offset.Value;
        for (var next = FirstChunkEndingAfter(position); !buffer.IsEmpty;)
        {
            int count;
            if (next >= _layout.Chunks.Length || _layout.Starts[next] > position)
            {
                var gap = next >= _layout.Chunks.Length ? buffer.Length : _layout.Starts[next] - position;
                count = (int)Math.Min(gap, buffer.Length);
                buffer[..count].Clear();
            }
            else
            {
                var within = (int)(position - _layout.Starts[next]);
                count = Math.Min(buffer.Length, _layout.Chunks[next].Length - within);
                ReadChunk(next, within, buffer[..count]);
                next++;
            }

            position += count;
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("an XVA is only read", _where);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("an XVA is only read", _where);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _where);
        return ExtentSequence.Coalesce(WalkExtents(offset.Value, offset.Value + length));
    }

    /// <summary>Closes the archive if the disk was opened as an image of its own; otherwise the file belongs to the archive.</summary>
    public void Dispose() => _owned?.Dispose();

    /// <summary>Reads and verifies every chunk, on all processors.</summary>
    /// <param name="report">Told of each chunk that is damaged; called from several threads.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Bytes of the chunks.</returns>
    internal long VerifyAll(Action<Diagnostic> report, CancellationToken cancellationToken)
    {
        Parallel.For(0, _layout.Chunks.Length, new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount }, index =>
        {
            var buffer = ArrayPool<byte>.Shared.Rent(_layout.Chunks[index].Length);
            try
            {
                ReadChunk(index, 0, buffer.AsSpan(0, _layout.Chunks[index].Length));
            }
            catch (DiagnosticException e)
            {
                report(e.Diagnostic);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        });
        return _layout.Chunks.Sum(chunk => (long)chunk.Length);
    }

    private IEnumerable<Extent> WalkExtents(long position, long end)
    {
        for (var next = FirstChunkEndingAfter(position); position < end;)
        {
            var isData = next < _layout.Chunks.Length && _layout.Starts[next] <= position;
            var stop = isData ? _layout.Starts[next] + _layout.Chunks[next++].Length : next < _layout.Chunks.Length ? _layout.Starts[next] : end;
            stop = Math.Min(stop, end);
            yield return new Extent(position, stop - position, isData ? ExtentKind.Data : ExtentKind.Zero);
            position = stop;
        }
    }

    private int FirstChunkEndingAfter(long position)
    {
        var found = Array.BinarySearch(_layout.Starts, position);
        if (found >= 0)
        {
            return found;
        }

        var before = ~found - 1;
        return before >= 0 && position < _layout.Starts[before] + _layout.Chunks[before].Length ? before : before + 1;
    }

    private void ReadChunk(int index, int within, Span<byte> buffer)
    {
        var chunk = _layout.Chunks[index];
        if (buffer.Length == chunk.Length)
        {
            _file.Read(new GuestOffset(chunk.Data.Value), buffer);
            Verify(index, buffer);
            return;
        }

        if ((Volatile.Read(ref _verified[index / 32]) & Bit(index)) != 0)
        {
            _file.Read(new GuestOffset(chunk.Data.Value + within), buffer);
            return;
        }

        var whole = ArrayPool<byte>.Shared.Rent(chunk.Length);
        try
        {
            var content = whole.AsSpan(0, chunk.Length);
            _file.Read(new GuestOffset(chunk.Data.Value), content);
            Verify(index, content);
            content.Slice(within, buffer.Length).CopyTo(buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private void Verify(int index, ReadOnlySpan<byte> content)
    {
        var chunk = _layout.Chunks[index];
        Span<byte> text = stackalloc byte[XvaChecksum.Longest];
        text = text[..XvaChecksum.LengthOf(chunk.Kind)];
        _file.Read(new GuestOffset(chunk.Checksum.Value), text);
        XvaChecksum.Verify(chunk.Kind, content, text, chunk.Number, chunk.Data.Value, _where);
        Interlocked.Or(ref _verified[index / 32], Bit(index));
    }

    private static string ChecksumsOf(XvaLayout layout)
        => string.Join(", ", layout.Chunks.Select(chunk => chunk.Kind).Distinct().Order().Select(kind => kind == XvaChecksumKind.Sha1 ? "SHA-1" : "XXH64"));

    private static int Bit(int index) => unchecked(1 << (index % 32));
}
