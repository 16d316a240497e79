using Rehost.Archives.Tar;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Tar;

/// <summary>
/// Writes a tar archive whose members are images: their lengths are known only when they are written, so headers are filled in afterwards. Every header
/// says the same whoever writes it.
/// </summary>
public sealed class TarImageWriter
{
    private const int BlockSize = TarHeader.BlockSize;
    private readonly IImageFile _file;
    private long _position;
    private long _reserved = -1;
    private long _reservedLength;

    /// <summary>Starts an archive at the start of a file.</summary>
    public TarImageWriter(IImageFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
    }

    /// <summary>Keeps room for one member of known length and unknown content.</summary>
    public void Reserve(long length)
    {
        (_reserved, _reservedLength) = (_position, length);
        _position += BlockSize + length + TarHeaderBlock.PaddingOf(length);
    }

    /// <summary>Writes the member that room was kept for.</summary>
    public void WriteReserved(string name, ReadOnlySpan<byte> content)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(content.Length, _reservedLength);
        WriteAt(_reserved, name, content);
    }

    /// <summary>Starts a member of unknown length.</summary>
    /// <returns>Where its content goes.</returns>
    public long BeginMember() => _position + BlockSize;

    /// <summary>Ends the member that was started last.</summary>
    /// <exception cref="Model.DiagnosticException">The name is too long (TAR010).</exception>
    public void EndMember(string name, long length)
    {
        var header = new byte[BlockSize];
        TarHeaderBlock.Write(header, name, length);
        _file.Write(new FileOffset(_position), header);
        _position += BlockSize + length + TarHeaderBlock.PaddingOf(length);
    }

    /// <summary>Writes a whole member.</summary>
    /// <exception cref="Model.DiagnosticException">The name is too long (TAR010).</exception>
    public void Write(string name, ReadOnlySpan<byte> content)
    {
        WriteAt(_position, name, content);
        _position += BlockSize + content.Length + TarHeaderBlock.PaddingOf(content.Length);
    }

    /// <summary>Writes the end mark.</summary>
    public void Complete()
    {
        _file.Write(new FileOffset(_position), new byte[2 * BlockSize]);
        _position += 2 * BlockSize;
        _file.SetLength(_position);
    }

    private void WriteAt(long position, string name, ReadOnlySpan<byte> content)
    {
        var header = new byte[BlockSize];
        TarHeaderBlock.Write(header, name, content.Length);
        _file.Write(new FileOffset(position), header);
        _file.Write(new FileOffset(position + BlockSize), content);
    }
}
