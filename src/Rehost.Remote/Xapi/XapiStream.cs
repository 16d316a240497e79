namespace Rehost.Remote.Xapi;

/// <summary>What a host sends, forward only. A connection that breaks is said in our words, and a cancellation ends a read that waits for the host.</summary>
internal sealed class XapiStream : Stream
{
    private readonly HttpResponseMessage _response;
    private readonly Stream _content;
    private readonly string _host;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenRegistration _registration;
    private long _position;

    public XapiStream(HttpResponseMessage response, string host, CancellationToken cancellationToken)
    {
        (_response, _host, _cancellationToken) = (response, host, cancellationToken);
        _content = response.Content.ReadAsStream(cancellationToken);
        _registration = cancellationToken.Register(response.Dispose); // a read that waits fails then
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    /// <summary>Bytes so far.</summary>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        try
        {
            _cancellationToken.ThrowIfCancellationRequested();
            var read = _content.Read(buffer);
            _position += read;
            return read;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException)
        {
            _cancellationToken.ThrowIfCancellationRequested();
            throw XapiDiagnostics.NoConnection.ToException($"the connection broke after {_position} bytes: {e.Message}", _host, e);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _registration.Dispose();
            _content.Dispose();
            _response.Dispose();
        }

        base.Dispose(disposing);
    }
}
