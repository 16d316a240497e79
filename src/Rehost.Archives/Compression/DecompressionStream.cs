using Rehost.Model;

namespace Rehost.Archives;

/// <summary>Decoded bytes, forward only. Everything wrong with the data surfaces as a <see cref="DiagnosticException"/> from Read.</summary>
public sealed class DecompressionStream : Stream
{
    private readonly CompressedInput input;
    private readonly bool concatenated;
    private readonly long maxOutput;
    private readonly CancellationToken cancellationToken;
    private MemberDecoder? decoder;
    private ReadOnlyMemory<byte> chunk;
    private long members;
    private bool finished;

    internal DecompressionStream(CompressionKind kind, CompressedInput input, long maxOutput, bool concatenated, CancellationToken cancellationToken)
    {
        Kind = kind;
        this.input = input;
        this.maxOutput = maxOutput;
        this.concatenated = concatenated;
        this.cancellationToken = cancellationToken;
        ArgumentOutOfRangeException.ThrowIfNegative(maxOutput);
    }

    /// <summary>How the data is compressed.</summary>
    public CompressionKind Kind { get; }

    /// <summary>Compressed bytes that belong to what was decoded; exact once the end was read.</summary>
    public long InputConsumed => input.Position;

    /// <summary>Decoded bytes so far, handed out or not.</summary>
    public long OutputProduced { get; private set; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => OutputProduced - chunk.Length;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        while (chunk.IsEmpty)
        {
            if (finished || !Advance())
            {
                return 0;
            }
        }

        var count = Math.Min(buffer.Length, chunk.Length);
        chunk.Span[..count].CopyTo(buffer);
        chunk = chunk[count..];
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 0 ? -1 : one[0];
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            decoder?.Dispose();
            decoder = null;
            finished = true;
            chunk = default;
        }

        base.Dispose(disposing);
    }

    private bool Advance()
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            decoder ??= Decompressor.CreateDecoder(Kind, input);
            chunk = decoder.NextChunk();
            if (chunk.IsEmpty)
            {
                // Each member costs memory that is cleared, however little is in it.
                if (MemberDecoder.AreTooMany(++members, OutputProduced))
                {
                    throw input.Unsupported($"{members} members have {OutputProduced} bytes between them");
                }

                finished = !(concatenated && AnotherMember());
                decoder.Dispose();
                decoder = null;
                return !finished;
            }
        }
        catch (Exception e) when (e is IndexOutOfRangeException or ArgumentException or OverflowException)
        {
            // The decoders check what they read; where the inner loops rely on the runtime's bounds checks instead, a violation means damaged data.
            finished = true;
            throw ArchiveDiagnostics.Corrupt.ToException($"the data refers to something outside its bounds, near compressed offset {input.Position}", input.Where, e);
        }
        catch (DiagnosticException)
        {
            finished = true;
            throw;
        }

        OutputProduced += chunk.Length;
        if (OutputProduced > maxOutput)
        {
            finished = true;
            chunk = default;
            throw ArchiveDiagnostics.OutputLimit.ToException($"{input.Position} compressed bytes became more than the allowed {maxOutput} bytes", input.Where);
        }

        return true;
    }

    private bool AnotherMember()
    {
        if (Kind == CompressionKind.Xz)
        {
            // Stream padding, .xz file format section 2.2: zeros in multiples of four.
            while (input.Peek(4) is [0, 0, 0, 0])
            {
                input.Advance(4);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        var head = input.Peek(Decompressor.DetectLength);
        if (Kind is CompressionKind.Zstd or CompressionKind.Lz4 && head is [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..])
        {
            return true;
        }

        return Kind != CompressionKind.Lzma && Decompressor.Detect(head) == Kind;
    }
}
