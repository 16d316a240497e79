using System.Text;

namespace Rehost.Cli.Output;

/// <summary>Standard output for bytes of a guest: as they are into a file or pipe, and with control characters made visible on a terminal, which would obey them.</summary>
internal sealed class TerminalStream(TextWriter terminal) : Stream
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly char[] _letters = new char[4097];

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Opens it.</summary>
    public static Stream OpenOutput() => Console.IsOutputRedirected ? Console.OpenStandardOutput() : new TerminalStream(Console.Out);

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var part = buffer[..Math.Min(buffer.Length, 4096)];
            var count = _decoder.GetChars(part, _letters, flush: false);
            terminal.Write(TerminalText.Clean(new string(_letters, 0, count), keepLines: true));
            buffer = buffer[part.Length..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => terminal.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
