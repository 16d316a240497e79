using System.Globalization;
using System.Security.Cryptography;
using Rehost.Archives.Tar;
using Rehost.Blocks.Checksums;
using Rehost.Blocks;
using Rehost.DiskFormats.Tar;
using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>
/// Writes an XVA as XenServer and XCP-ng import it (xen-api, stream_vdi.ml; export_vsn 2): the description first, then the disks in string order of
/// their references, each cut into chunks of 1 MiB with a checksum behind each. Chunks of zeros are left out, except the first and the last of a disk.
/// </summary>
public sealed class XvaWriter : IDisposable
{
    /// <summary>Bytes of a chunk.</summary>
    public const int ChunkSize = 1 << 20;

    private const int MaxChunks = 99_999_999; // eight digits
    private readonly IImageFile _file;
    private readonly XvaSink _sink;
    private readonly bool _useSha1;
    private readonly byte[] _header = new byte[TarHeader.BlockSize];
    private string? _lastDisk;
    private XvaDiskWriter? _open;
    private bool _isDescribed;
    private int? _firstLength;

    /// <summary>Starts an archive.</summary>
    /// <param name="file">Where it goes; the caller commits and disposes it.</param>
    /// <param name="options">What it should be like.</param>
    /// <exception cref="DiagnosticException">The compression is none that hosts import (DSK003), or its library is missing (DSK004).</exception>
    public XvaWriter(IImageFile file, XvaWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        _file = file;
        _useSha1 = options.UseSha1;
        _sink = options.Compression switch
        {
            ImageCompression.None => new PlainXvaSink(file),
            ImageCompression.Zstd => new ZstdXvaSink(file),
            _ => throw DiskFormatDiagnostics.CannotWrite.ToException($"an XVA is written plain or in zstd, not in {options.Compression}", file.Name),
        };
    }

    /// <summary>Writes ova.xml. Must be called once, first.</summary>
    public void WriteDescription(ReadOnlySpan<byte> ovaXml)
    {
        if (_isDescribed)
        {
            throw new InvalidOperationException("ova.xml is written already");
        }

        _isDescribed = true;
        WriteMember("ova.xml", ovaXml);
    }

    /// <summary>Starts the next disk. It is finished by its own <see cref="IImageWriter.Complete"/>.</summary>
    /// <param name="id">Its reference in ova.xml; behind that of the disk before in ordinal order.</param>
    /// <param name="length">Its size.</param>
    /// <exception cref="DiagnosticException">The disk is too large or out of order (XVA017).</exception>
    public IImageWriter BeginDisk(string id, long length)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (!_isDescribed || _open is { IsComplete: false })
        {
            throw new InvalidOperationException(_isDescribed ? "the disk before is not complete" : "ova.xml comes first");
        }

        if (_lastDisk is not null && string.CompareOrdinal(id, _lastDisk) <= 0)
        {
            throw XvaDiagnostics.CannotHold.ToException($"the disk '{id}' comes after '{_lastDisk}', hosts read disks in string order", _file.Name);
        }

        if (length > (long)MaxChunks * ChunkSize)
        {
            throw XvaDiagnostics.CannotHold.ToException($"the disk '{id}' has {length} bytes, at most {(long)MaxChunks * ChunkSize} can be numbered", _file.Name);
        }

        _lastDisk = id;
        return _open = new XvaDiskWriter(this, id, length, $"{_file.Name}, disk {id}");
    }

    /// <summary>Ends the archive and makes it durable.</summary>
    public void Complete(CancellationToken cancellationToken = default)
    {
        if (!_isDescribed || _open is { IsComplete: false })
        {
            throw new InvalidOperationException(_isDescribed ? "the last disk is not complete" : "ova.xml is missing");
        }

        cancellationToken.ThrowIfCancellationRequested();
        _sink.Write(new byte[2 * TarHeader.BlockSize]);
        _sink.Complete();
        _file.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _sink.Dispose();

    /// <summary>Whether a chunk of zeros may be left out: a gap means chunks of the length of the archive's very first one, which a tiny first disk makes short.</summary>
    internal bool CanSkip => _firstLength == ChunkSize;

    internal void WriteChunk(string disk, long number, ReadOnlySpan<byte> content)
    {
        _firstLength ??= content.Length;
        var name = string.Create(CultureInfo.InvariantCulture, $"{disk}/{number:D8}");
        WriteMember(name, content);
        Span<byte> digest = stackalloc byte[SHA1.HashSizeInBytes];
        Span<byte> digits = stackalloc byte[2 * SHA1.HashSizeInBytes];
        if (_useSha1)
        {
#pragma warning disable CA5350 // The format's own checksum against accidents; nothing is trusted because of it.
            SHA1.HashData(content, digest);
#pragma warning restore CA5350
            Convert.TryToHexStringLower(digest, digits, out _);
            WriteMember(name + ".checksum", digits);
            return;
        }

        digits = digits[..16];
        XxHash64.Of(content).TryFormat(digits, out _, "X16", CultureInfo.InvariantCulture);
        WriteMember(name + ".xxhash", digits);
    }

    private void WriteMember(string name, ReadOnlySpan<byte> content)
    {
        TarHeaderBlock.Write(_header, name, content.Length);
        _sink.Write(_header);
        _sink.Write(content);
        ReadOnlySpan<byte> padding = stackalloc byte[TarHeader.BlockSize];
        _sink.Write(padding[..TarHeaderBlock.PaddingOf(content.Length)]);
    }
}
