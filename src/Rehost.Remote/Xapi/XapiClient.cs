using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>
/// Calls to one host: JSON-RPC 2.0 at /jsonrpc (XenServer 7 and later, XCP-ng), XML-RPC at / where that is not known (5.x and 6.x). Over TLS only.
/// </summary>
internal sealed class XapiClient : IDisposable
{
    private const int MaximumAnswer = 64 << 20;
    private static readonly TimeSpan CallTime = TimeSpan.FromMinutes(5);

    private readonly HttpClient _http;
    private readonly XapiTrust _trust;
    private string? _refused;
    private bool _usesXml;
    private int _number;

    public XapiClient(string host, int port, XapiTrust trust)
    {
        (Host, Port, _trust) = (host, port, trust);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(30),
            SslOptions = TlsOptions(),
        })
        {
            BaseAddress = new UriBuilder("https", host, port).Uri,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>The host that is talked to.</summary>
    public string Host { get; }

    /// <summary>Its port.</summary>
    public int Port { get; }

    /// <summary>Calls a method.</summary>
    /// <param name="method">Its name: VM.get_record.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <param name="arguments">Strings, booleans, and maps of strings; xapi takes numbers as strings.</param>
    /// <exception cref="XapiFailure">The host refused.</exception>
    /// <exception cref="DiagnosticException">XAP002, XAP003 or XAP006.</exception>
    public XmlRpcValue Call(string method, CancellationToken cancellationToken, params ImmutableArray<object> arguments)
    {
        if (!_usesXml)
        {
            var answer = Post("jsonrpc", "application/json", XapiJson.Request(method, arguments, ++_number), cancellationToken);
            if (answer is not null)
            {
                return XapiJson.Result(answer, Host);
            }

            _usesXml = true;
        }

        var xml = Post("", "text/xml", XapiXml.Request(method, arguments), cancellationToken)
            ?? throw XapiDiagnostics.BadAnswer.ToException("it knows neither JSON-RPC nor XML-RPC", Host);
        return XapiXml.Result(xml, Host);
    }

    /// <summary>Gets a stream, following the one redirection that a pool makes to the member that has the disks.</summary>
    public HttpResponseMessage Get(string pathAndQuery, CancellationToken cancellationToken)
    {
        var uri = new Uri(_http.BaseAddress ?? throw new InvalidOperationException("no base address"), pathAndQuery);
        var response = Send(new HttpRequestMessage(HttpMethod.Get, uri), cancellationToken);
        if (response.StatusCode is HttpStatusCode.Found or HttpStatusCode.MovedPermanently or HttpStatusCode.TemporaryRedirect && response.Headers.Location is { } location)
        {
            response.Dispose();
            response = Send(new HttpRequestMessage(HttpMethod.Get, OnlyTls(location)), cancellationToken);
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            using (response)
            {
                throw XapiDiagnostics.ExportFailed.ToException($"it answers {(int)response.StatusCode} {response.ReasonPhrase}", Host);
            }
        }

        return response;
    }

    /// <summary>TLS settings for a connection of another kind to the same host.</summary>
    public System.Net.Security.SslClientAuthenticationOptions TlsOptions() => _trust.ToOptions(Host, reason => _refused = reason);

    /// <summary>What to say of an exception on the way to the host.</summary>
    public DiagnosticException Explain(Exception e) => e is DiagnosticException known ? known
        : _refused is { } reason ? XapiDiagnostics.NotTrusted.ToException(reason, Host, e)
        : XapiDiagnostics.NoConnection.ToException((e.InnerException ?? e).Message, $"{Host}:{Port}", e);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>The content of a redirection; a session is never sent in the clear.</summary>
    internal Uri OnlyTls(Uri location)
    {
        var absolute = location.IsAbsoluteUri ? location : new Uri(_http.BaseAddress ?? throw new InvalidOperationException("no base address"), location);
        return absolute.Scheme == "https" ? absolute : throw XapiDiagnostics.BadAnswer.ToException($"it sends us to {absolute.Scheme}://{absolute.Host}, which is not encrypted", Host);
    }

    private byte[]? Post(string path, string type, byte[] content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(content) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(CallTime);
        try
        {
            using var response = Send(request, limit.Token);
            if (path.Length > 0 && response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed)
            {
                return null;
            }

            return response.StatusCode == HttpStatusCode.OK ? ReadAnswer(response, limit.Token)
                : throw XapiDiagnostics.BadAnswer.ToException($"it answers {(int)response.StatusCode} {response.ReasonPhrase} to a call", Host);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw XapiDiagnostics.NoConnection.ToException($"no answer within {CallTime.TotalMinutes:0} minutes", Host, e);
        }
    }

    private HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return _http.Send(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or AuthenticationException)
        {
            throw Explain(e);
        }
    }

    private byte[] ReadAnswer(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            using var stream = response.Content.ReadAsStream(cancellationToken);
            using var answer = new MemoryStream();
            var buffer = new byte[64 * 1024];
            for (int read; (read = stream.Read(buffer)) > 0; answer.Write(buffer, 0, read))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (answer.Length > MaximumAnswer)
                {
                    throw XapiDiagnostics.BadAnswer.ToException($"an answer of more than {MaximumAnswer >> 20} MiB", Host);
                }
            }

            return answer.ToArray();
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw Explain(e);
        }
    }
}
