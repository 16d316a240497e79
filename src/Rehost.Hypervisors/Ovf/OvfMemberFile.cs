using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>
/// A file of a new package, at its place in an archive or alone: takes what an image writer writes, counts its length and hashes it on the way. A writer
/// that goes back to what it wrote is followed by reading the file once more at the end.
/// </summary>
internal sealed class OvfMemberFile(IImageFile file, long start, string name, Func<IBlockDevice>? reopen) : IImageFile
{
    private const int BufferLength = 1 << 20;
    private static readonly byte[] Zeros = new byte[64 * 1024];
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _hashed;
    private bool _wentBack;

    /// <inheritdoc/>
    public string Name => name;

    /// <summary>Bytes so far.</summary>
    public long Length { get; private set; }

    /// <inheritdoc/>
    public void Write(FileOffset offset, ReadOnlySpan<byte> data)
    {
        file.Write(new FileOffset(start + offset.Value), data);
        Length = Math.Max(Length, offset.Value + data.Length);
        if (offset.Value < _hashed)
        {
            _wentBack = true;
        }
        else if (!_wentBack)
        {
            HashZeros(offset.Value);
            _hash.AppendData(data);
            _hashed += data.Length;
        }
    }

    /// <inheritdoc/>
    public void SetLength(long length)
    {
        Length = Math.Max(Length, length);
        file.SetLength(start + Length);
    }

    /// <inheritdoc/>
    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

    /// <inheritdoc/>
    public void Flush() => file.Flush();

    /// <summary>SHA-256 of the whole.</summary>
    /// <exception cref="DiagnosticException">The file has to be read again and cannot be (OVF018).</exception>
    public byte[] Digest()
    {
        if (!_wentBack)
        {
            HashZeros(Length);
            return _hash.GetHashAndReset();
        }

        using var device = reopen?.Invoke() ?? throw OvfDiagnostics.CannotWrite.ToException("its disk format is not written in one pass, and the file cannot be read again to hash it", name);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferLength];
        for (long at = 0; at < Length; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, Length - at));
            device.Read(new GuestOffset(start + at), part);
            hash.AppendData(part);
        }

        return hash.GetHashAndReset();
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private void HashZeros(long end)
    {
        while (_hashed < end)
        {
            var count = (int)Math.Min(Zeros.Length, end - _hashed);
            _hash.AppendData(Zeros.AsSpan(0, count));
            _hashed += count;
        }
    }
}
