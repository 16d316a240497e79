using Rehost.Blocks;

namespace Rehost.Archives.Seekable;

/// <summary>
/// Compressed content that is written to a scratch file as it is decompressed, because its format has no places to go on from: a zstd frame, as every
/// export is one, needs up to megabytes of history. Zero pieces take no room.
/// </summary>
public sealed class SpooledDevice : GrowingDevice
{
    private readonly DecompressionStream _stream;
    private readonly DeviceStream _source;
    private readonly ScratchFile _scratch;
    private readonly byte[] _piece = new byte[PieceSize];
    private long _scratchBytes;

    /// <summary>Opens a file; nothing is read before <see cref="Grow"/>.</summary>
    /// <param name="kind">How the file is compressed.</param>
    /// <param name="file">The compressed file.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="ownsFile">Whether the file is disposed with this device.</param>
    /// <param name="scratchDirectory">Where there is room.</param>
    /// <exception cref="Model.DiagnosticException">The directory cannot take a file (BLK004).</exception>
    public SpooledDevice(CompressionKind kind, IBlockDevice file, string name, bool ownsFile, string scratchDirectory)
        : base(file, name, ownsFile)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        _scratch = ScratchFile.Create(scratchDirectory);
        _source = new DeviceStream(file, 0);
        _stream = Decompressor.Open(kind, _source, long.MaxValue, concatenated: true, name);
    }

    /// <inheritdoc/>
    public override long CompressedPosition => _stream.InputConsumed;

    /// <inheritdoc/>
    public override long ScratchBytes => _scratchBytes;

    /// <inheritdoc/>
    public override bool Grow(long length, CancellationToken cancellationToken)
    {
        lock (Gate)
        {
            while (Length < length && !IsComplete)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var count = _stream.ReadAtLeast(_piece, PieceSize, throwOnEndOfStream: false);
                IsComplete = count < PieceSize;
                var content = _piece.AsSpan(0, count);
                var isZero = !content.ContainsAnyExcept((byte)0);
                if (!isZero)
                {
                    _scratch.Write(Length, content);
                    _scratchBytes += count;
                }

                Pieces.Add(Length / PieceSize, isZero);
                Length += count;
            }

            return Length >= length;
        }
    }

    private protected override void ReadPiece(long piece, int within, Span<byte> buffer) => _scratch.Read((piece * PieceSize) + within, buffer);

    private protected override void Dispose(bool disposing)
    {
        _stream.Dispose();
        _source.Dispose();
        _scratch.Dispose();
        base.Dispose(disposing);
    }
}
