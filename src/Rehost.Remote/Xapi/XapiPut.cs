using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>
/// PUT as xapi takes it (http_svr, import handler): the length is announced, since chunked encoding is refused; the answer comes before the content is read, so that a
/// redirection to the member of the pool which has the storage costs nothing; and it says nothing of the outcome, which only the task does.
/// </summary>
internal sealed class XapiPut(XapiClient client)
{
    private const int Piece = 1 << 20;
    private const int MaximumHead = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Sends a file.</summary>
    /// <param name="pathAndQuery">Where to: /import?session_id=….</param>
    /// <param name="file">What.</param>
    /// <param name="sent">Told the bytes sent so far.</param>
    /// <param name="stop">Asked between pieces; true ends the sending early, without an error.</param>
    /// <param name="cancellationToken">Breaks the connection.</param>
    /// <exception cref="DiagnosticException">XAP002, XAP003, XAP006 or XAP013.</exception>
    public void Send(string pathAndQuery, IBlockDevice file, Action<long> sent, Func<bool> stop, CancellationToken cancellationToken)
    {
        var (host, port, path) = (client.Host, client.Port, pathAndQuery);
        for (var redirections = 0; ; redirections++)
        {
            using var connection = Connect(host, port, cancellationToken);
            var (status, reason, location) = Ask(connection, host, path, file.Length, cancellationToken);
            if (status is 301 or 302 or 307 && location is not null && redirections == 0)
            {
                var target = client.OnlyTls(new Uri(location, UriKind.RelativeOrAbsolute));
                (host, port, path) = (target.Host, target.Port, target.PathAndQuery);
                continue;
            }

            if (status != 200)
            {
                throw XapiDiagnostics.ImportFailed.ToException($"it answers {status} {reason}", host);
            }

            Pour(connection, host, file, sent, stop, cancellationToken);
            return;
        }
    }

    private SslStream Connect(string host, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SslStream? stream = null;
        try
        {
            socket.ConnectAsync(host, port, cancellationToken).AsTask().GetAwaiter().GetResult();
            socket.SendTimeout = socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
            stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            var options = client.TlsOptions();
            options.TargetHost = host;
            stream.AuthenticateAsClient(options);
            return stream;
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException)
        {
            stream?.Dispose();
            socket.Dispose();
            throw client.Explain(e);
        }
        catch
        {
            stream?.Dispose();
            socket.Dispose();
            throw;
        }
    }

    private (int Status, string Reason, string? Location) Ask(SslStream stream, string host, string path, long length, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            stream.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"PUT {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rehost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")));
            stream.Flush();
            return ReadHead(stream, host);
        }
        catch (IOException e)
        {
            throw client.Explain(e);
        }
    }

    private static (int Status, string Reason, string? Location) ReadHead(SslStream stream, string host)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (stream.Read(one) == 0 || head.Count == MaximumHead)
            {
                throw XapiDiagnostics.BadAnswer.ToException(head.Count == MaximumHead ? $"an answer with more than {MaximumHead} bytes of headers" : "the connection ends before an answer", host);
            }

            head.Add(one[0]);
        }

        var lines = Encoding.Latin1.GetString([.. head]).Split("\r\n");
        var words = lines[0].Split(' ', 3);
        return words is [var version, var code, ..] && version.StartsWith("HTTP/1.", StringComparison.Ordinal) && int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
            ? (status, words.ElementAtOrDefault(2) ?? "", lines.Where(line => line.StartsWith("Location:", StringComparison.OrdinalIgnoreCase)).Select(line => line[9..].Trim()).FirstOrDefault())
            : throw XapiDiagnostics.BadAnswer.ToException($"the first line of an answer is '{lines[0]}'", host);
    }

    private static void Pour(SslStream stream, string host, IBlockDevice file, Action<long> sent, Func<bool> stop, CancellationToken cancellationToken)
    {
        var piece = new byte[Piece];
        try
        {
            for (long position = 0; position < file.Length && !stop(); sent(position))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var length = (int)Math.Min(Piece, file.Length - position);
                file.Read(new GuestOffset(position), piece.AsSpan(0, length));
                stream.Write(piece, 0, length);
                position += length;
            }

            stream.Flush();
            stream.ShutdownAsync().Wait(Patience, cancellationToken);
        }
        catch (Exception e) when (e is IOException or AggregateException)
        {
            // The host breaks the connection when the import fails: the task says why, and better than this.
            if (!stop())
            {
                throw XapiDiagnostics.NoConnection.ToException($"the connection broke: {e.Message}", host, e);
            }
        }
    }
}
