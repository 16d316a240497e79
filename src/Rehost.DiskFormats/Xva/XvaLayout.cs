using System.Globalization;

namespace Rehost.DiskFormats.Xva;

/// <summary>
/// Where each chunk lies on its disk. A number is not a place: a gap in the numbers stands for as many zero chunks of the length of the archive's very
/// first chunk, and a chunk of length 0, which exporters send to keep a connection alive, counts but moves nothing (XenServer 5.6 and later).
/// </summary>
internal sealed class XvaLayout
{
    private XvaLayout(long[] starts, XvaChunk[] chunks, long length)
    {
        Starts = starts;
        Chunks = chunks;
        Length = length;
    }

    /// <summary>Bytes of the disk.</summary>
    public long Length { get; }

    /// <summary>First byte of each chunk on the disk.</summary>
    public long[] Starts { get; }

    /// <summary>The chunks, without the empty ones.</summary>
    public XvaChunk[] Chunks { get; }

    /// <summary>Places chunks, by the rules of the importer in xen-api (stream_vdi.ml).</summary>
    public static XvaLayout Compute(List<XvaChunk> chunks, int firstLength, long? virtualSize, string where)
    {
        var starts = new List<long>(chunks.Count);
        var placed = new List<XvaChunk>(chunks.Count);
        long position = 0;
        var last = -1;
        if (chunks.Count > 0 && chunks[0].Number != 0)
        {
            throw XvaDiagnostics.FirstChunkMissing.ToException($"the first chunk has number {chunks[0].Number:D8}; number 00000000 is always exported", where);
        }

        foreach (var chunk in chunks)
        {
            if (chunk.Kind == XvaChecksumKind.None)
            {
                throw XvaDiagnostics.ChecksumMissing.ToException($"the chunk {chunk.Number:D8} is not followed by a .checksum or .xxhash member", where);
            }

            position += (chunk.Number - last - 1L) * firstLength;
            last = chunk.Number;
            if (chunk.Length > 0)
            {
                if (chunk.Length > (virtualSize ?? long.MaxValue) - position)
                {
                    throw XvaDiagnostics.DiskTooLong.ToException($"the chunk {chunk.Number:D8} ends at {position + chunk.Length}, the disk has {virtualSize} bytes", where);
                }

                starts.Add(position);
                placed.Add(chunk);
                position += chunk.Length;
            }
        }

        if (virtualSize is not null && position != virtualSize)
        {
            throw (position < virtualSize ? XvaDiagnostics.DiskTooShort : XvaDiagnostics.DiskTooLong).ToException(
                $"the chunks end at {position}, the disk has {virtualSize} bytes; the last chunk found is {(last < 0 ? "none" : last.ToString("D8", CultureInfo.InvariantCulture))}", where);
        }

        return new XvaLayout([.. starts], [.. placed], position);
    }
}
