using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// Lets a writer that keeps state go on where it was stopped. Such a writer is a function of what it is given: given the same content again it makes the
/// same writes in the same order. The first of them, which an earlier run made durable, are only counted and hashed; from there on they are done. What the
/// writer was given is read from the source again, and nothing is written twice. What the earlier run made durable is read back meanwhile: a disk that said so and had not done it is given the write again.
/// </summary>
internal sealed class ReplayFile(CommittedFile file, long durableWrites, ulong durableHash) : IImageFile
{
    private const long MostLostBytes = 64 << 20;
    private readonly XxHash64 _hash = new();
    private readonly List<(FileOffset Offset, byte[] Data)> _lost = [];
    private byte[] _found = [];

    /// <inheritdoc/>
    public string Name => file.Name;

    /// <inheritdoc/>
    public bool IsFresh => ((IImageFile)file).IsFresh;

    /// <summary>Writes so far, counting those of the earlier run.</summary>
    public long Writes { get; private set; }

    /// <summary>A hash of them.</summary>
    public ulong Hash => _hash.Value;

    /// <summary>Whether the earlier run's writes are not all made again yet.</summary>
    public bool IsBehind => Writes < durableWrites;

    /// <summary>Bytes that an earlier run had made durable and that were not there.</summary>
    public long LostBytes { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="DiagnosticException">Not what the earlier run wrote (TRF005), or the file cannot take it (BLK004).</exception>
    public void Write(FileOffset offset, ReadOnlySpan<byte> data)
    {
        Span<byte> position = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(position, offset.Value);
        _hash.Append(position);
        _hash.Append(data);
        Writes++;
        if (Writes > durableWrites)
        {
            file.Write(offset, data);
            return;
        }

        Compare(offset, data);
        if (Writes < durableWrites)
        {
            return;
        }

        if (Hash != durableHash)
        {
            throw TransferDiagnostics.OtherRun.ToException($"after {Writes} writes the image is not what the earlier run wrote", Name);
        }

        // Only now it is certain that this is the same image: what the disk lost is written again.
        foreach (var (place, lost) in _lost)
        {
            file.Write(place, lost);
        }

        _lost.Clear();
    }

    /// <inheritdoc/>
    public void SetLength(long length)
    {
        // What was done before the last durable write is durable too, and must not cut off what came after it.
        if (Writes >= durableWrites)
        {
            file.SetLength(length);
        }
    }

    /// <inheritdoc/>
    public void Reserve(FileOffset offset, long length)
    {
        if (Writes >= durableWrites)
        {
            file.Reserve(offset, length);
        }
    }

    /// <inheritdoc/>
    public void WriteZeros(FileOffset offset, long length)
    {
        if (Writes >= durableWrites)
        {
            ((IImageFile)file).WriteZeros(offset, length);
        }
    }

    /// <inheritdoc/>
    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length)
        => durableWrites == 0 && file.TryShare(source, sourceOffset, offset, length);

    // What was written twice holds the second content, so the first is missed: then both are written again, in their order.
    private void Compare(FileOffset offset, ReadOnlySpan<byte> data)
    {
        if (_found.Length < data.Length)
        {
            _found = new byte[data.Length];
        }

        file.Read(offset, _found.AsSpan(0, data.Length));
        var end = offset.Value + data.Length;
        if (_found.AsSpan(0, data.Length).SequenceEqual(data) && !_lost.Any(one => one.Offset.Value < end && offset.Value < one.Offset.Value + one.Data.Length))
        {
            return;
        }

        LostBytes += data.Length;
        if (LostBytes > MostLostBytes)
        {
            throw TransferDiagnostics.Lost.ToException($"{LostBytes} bytes that were made durable are not there", Name);
        }

        _lost.Add((offset, data.ToArray()));
    }

    /// <inheritdoc/>
    public void Flush() => file.Flush();

    /// <summary>Nothing: the file belongs to someone else.</summary>
    public void Dispose()
    {
    }
}
