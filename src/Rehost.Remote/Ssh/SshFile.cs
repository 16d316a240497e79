using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Remote.Ssh;

/// <summary>A file or block device of a host, read over ssh. Never written.</summary>
public sealed class SshFile : IBlockDevice
{
    private const int Piece = 4 << 20;
    private readonly SshHost _host;
    private readonly string _path;

    /// <summary>Opens a file.</summary>
    /// <param name="host">The host; it is not disposed with the file.</param>
    /// <param name="path">Path there.</param>
    /// <exception cref="Model.DiagnosticException">There is none (SSH003).</exception>
    public SshFile(SshHost host, string path)
    {
        ArgumentNullException.ThrowIfNull(host);
        (_host, _path) = (host, path);
        Length = host.LengthOf(path) is >= 0 and var length ? length : throw SshDiagnostics.CommandFailed.ToException("there is no such file or block device, or no permission", path);
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _path);
        for (var done = 0; done < buffer.Length;)
        {
            var length = Math.Min(Piece, buffer.Length - done);
            _host.ReadRange(_path, offset.Value + done, length).CopyTo(buffer[done..]);
            done += length;
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("a file of another host is only read", _path);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("a file of another host is only read", _path);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _path);
        return length == 0 ? [] : [new Extent(offset.Value, length, ExtentKind.Data)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
