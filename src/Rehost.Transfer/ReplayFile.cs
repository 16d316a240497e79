using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// Lets a writer that keeps state go on where it was stopped. Such a writer is a function of what it is given: given the same content again it makes the
/// same writes in the same order. The first of them, which an earlier run made durable, are only counted and hashed; from there on they are done. What the
/// writer was given is read from the source again, and nothing is written twice.
/// </summary>
internal sealed class ReplayFile(IImageFile file, long durableWrites, ulong durableHash) : IImageFile
{
    private readonly XxHash64 _hash = new();

    /// <inheritdoc/>
    public string Name => file.Name;

    /// <inheritdoc/>
    public bool IsFresh => file.IsFresh;

    /// <summary>Writes so far, counting those of the earlier run.</summary>
    public long Writes { get; private set; }

    /// <summary>A hash of them.</summary>
    public ulong Hash => _hash.Value;

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
        }
        else if (Writes == durableWrites && Hash != durableHash)
        {
            throw TransferDiagnostics.OtherRun.ToException($"after {Writes} writes the image is not what the earlier run wrote", Name);
        }
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
            file.WriteZeros(offset, length);
        }
    }

    /// <inheritdoc/>
    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

    /// <inheritdoc/>
    public void Flush() => file.Flush();

    /// <summary>Nothing: the file belongs to someone else.</summary>
    public void Dispose()
    {
    }
}
