using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Rehost.Remote.Tests;

/// <summary>
/// Stands for a XenServer host: written from the public definition of the API and the rules of its importer (xen-api: datamodel, importexport, http handlers), sharing no code with
/// the product. It is as strict as the real one where that is known: sessions, the length of a PUT, the answer before the content, the outcome only in the task.
/// </summary>
internal sealed class XapiDouble : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly X509Certificate2 _certificate;

    private XapiDouble(WebApplication application, X509Certificate2 certificate, XapiDatabase database) => (_application, _certificate, Database) = (application, certificate, database);

    public XapiDatabase Database { get; }

    /// <summary>Answers JSON-RPC with 404, as hosts before XenServer 7 do.</summary>
    public bool KnowsOnlyXml { get; set; }

    /// <summary>Address of the master to which a login is sent; null where this is the master.</summary>
    public string? Master { get; set; }

    /// <summary>Where the storage is that an import or export is redirected to; null for here.</summary>
    public string? RedirectTo { get; set; }

    /// <summary>Code with which an import fails after its content was read; null for success.</summary>
    public string? ImportFailure { get; set; }

    /// <summary>Bytes after which an import fails without reading on; -1 for never.</summary>
    public long ImportBreaksAfter { get; set; } = -1;

    /// <summary>Bytes after which the connection of an export breaks; -1 for never.</summary>
    public long ExportBreaksAfter { get; set; } = -1;

    /// <summary>Bytes after which the connection of an export is cut; -1 for never.</summary>
    public long ExportAbortsAfter { get; set; } = -1;

    /// <summary>Code with which an export fails after all of it was sent; null for success.</summary>
    public string? ExportFailure { get; set; }

    /// <summary>The archive that an export sends.</summary>
    public byte[] Export { get; set; } = [];

    /// <summary>Queries of the imports and exports that were asked for.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Methods called, in order.</summary>
    public List<string> Calls { get; } = [];

    public int Port { get; private set; }

    public string Fingerprint => Convert.ToHexString(SHA256.HashData(_certificate.RawData));

    public string CertificatePem => _certificate.ExportCertificatePem();

    /// <summary>Starts a host.</summary>
    /// <param name="pool">Another host of the same pool, which has the same objects; null for a pool of one.</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="port">Port; 0 for any.</param>
    public static async Task<XapiDouble> Start(XapiDouble? pool = null, string address = "127.0.0.1", int port = 0)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, true));
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Listen(IPAddress.Parse(address), port, listen => listen.UseHttps(certificate));
        });
        var application = builder.Build();
        var host = new XapiDouble(application, certificate, pool?.Database ?? new XapiDatabase());
        application.MapPost("/jsonrpc", host.AnswerJson);
        application.MapPost("/", host.AnswerXml);
        application.MapPut("/import", host.TakeImport);
        application.MapGet("/export", host.SendExport);
        await application.StartAsync();
        host.Port = new Uri(application.Urls.First()).Port;
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _certificate.Dispose();
    }

    private async Task AnswerJson(HttpContext context)
    {
        if (KnowsOnlyXml)
        {
            context.Response.StatusCode = 404;
            return;
        }

        using var document = await JsonDocument.ParseAsync(context.Request.Body);
        var root = document.RootElement;
        var parameters = root.GetProperty("params").EnumerateArray().Select(FromJson).ToArray();
        try
        {
            var result = Dispatch(root.GetProperty("method").GetString() ?? "", parameters);
            await context.Response.WriteAsJsonAsync(new { jsonrpc = "2.0", result, id = root.GetProperty("id").GetInt32() });
        }
        catch (XapiRefusal e)
        {
            await context.Response.WriteAsJsonAsync(new { jsonrpc = "2.0", error = new { code = 1, message = e.Code, data = e.Parameters }, id = root.GetProperty("id").GetInt32() });
        }
    }

    private async Task AnswerXml(HttpContext context)
    {
        var call = await XElement.LoadAsync(context.Request.Body, LoadOptions.None, CancellationToken.None);
        var parameters = call.Elements("params").Elements("param").Elements("value").Select(XapiXmlText.Read).ToArray();
        XElement answer;
        try
        {
            answer = XapiXmlText.Struct(("Status", new XElement("value", "Success")), ("Value", XapiXmlText.Write(Dispatch((string?)call.Element("methodName") ?? "", parameters))));
        }
        catch (XapiRefusal e)
        {
            answer = XapiXmlText.Struct(("Status", new XElement("value", "Failure")), ("ErrorDescription", XapiXmlText.Write(new List<object> { e.Code }.Concat(e.Parameters).ToList())));
        }

        context.Response.ContentType = "text/xml";
        await context.Response.WriteAsync("<?xml version=\"1.0\"?>" + new XElement("methodResponse", new XElement("params", new XElement("param", answer))));
    }

    private object Dispatch(string method, object[] parameters)
    {
        lock (Database)
        {
            Calls.Add(method);
            if (method == "session.login_with_password")
            {
                return Master is { } master ? throw new XapiRefusal("HOST_IS_SLAVE", master) : Database.Login((string)parameters[0], (string)parameters[1]);
            }

            Database.Demand((string)parameters[0]);
            return Database.Call(method, parameters[1..]);
        }
    }

    private async Task TakeImport(HttpContext context)
    {
        Requests.Add(context.Request.QueryString.Value ?? "");
        if (context.Request.ContentLength is not { } length)
        {
            context.Response.StatusCode = 403; // chunked encoding is refused
            return;
        }

        if (IsRedirected(context))
        {
            return;
        }

        var query = context.Request.Query;
        var task = query["task_id"].ToString();
        Database.Demand(query["session_id"].ToString());
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(); // before anything is read
        await context.Response.Body.FlushAsync();
        try
        {
            using var content = new MemoryStream();
            var buffer = new byte[64 * 1024];
            for (int read; (read = await context.Request.Body.ReadAsync(buffer)) > 0;)
            {
                content.Write(buffer, 0, read);
                Database.SetProgress(task, (double)content.Length / length);
                if (ImportBreaksAfter >= 0 && content.Length > ImportBreaksAfter)
                {
                    Database.Fail(task, ImportFailure ?? "SR_BACKEND_FAILURE_44", "", "There is insufficient space");
                    context.Abort();
                    return;
                }

                if (Database.IsCancelled(task))
                {
                    Database.Cancelled(task);
                    context.Abort();
                    return;
                }
            }

            if (ImportFailure is { } code)
            {
                Database.Fail(task, code, "1", "9");
                return;
            }

            var references = XapiImport.Run(Database, content.ToArray(), query["sr_id"].ToString(), query["restore"] == "true");
            Database.Succeed(task, "<value><array><data>" + string.Concat(references.Select(reference => $"<value>{reference}</value>")) + "</data></array></value>");
        }
        catch (XapiRefusal e)
        {
            Database.Fail(task, e.Code, [.. e.Parameters]);
        }
        catch (Exception e) when (e is IOException or BadHttpRequestException or OperationCanceledException)
        {
            Database.Fail(task, "IMPORT_ERROR_PREMATURE_EOF");
        }
    }

    private async Task SendExport(HttpContext context)
    {
        Requests.Add(context.Request.QueryString.Value ?? "");
        if (IsRedirected(context))
        {
            return;
        }

        var query = context.Request.Query;
        var task = query["task_id"].ToString();
        Database.Demand(query["session_id"].ToString());
        if (!Database.Has("VM", query["ref"].ToString()))
        {
            context.Response.StatusCode = 404;
            return;
        }

        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        for (var at = 0; at < Export.Length; at += 256 * 1024)
        {
            if (ExportBreaksAfter >= 0 && at > ExportBreaksAfter)
            {
                Database.Fail(task, "VDI_IO_ERROR", "Device I/O errors");
                return; // an export that fails just ends: only the task says so
            }

            if (ExportAbortsAfter >= 0 && at > ExportAbortsAfter)
            {
                context.Abort();
                return;
            }

            if (Database.IsCancelled(task))
            {
                Database.Cancelled(task);
                context.Abort();
                return;
            }

            await context.Response.Body.WriteAsync(Export.AsMemory(at, Math.Min(256 * 1024, Export.Length - at)));
        }

        if (ExportFailure is { } code)
        {
            Database.Fail(task, code, "after the data");
            return;
        }

        Database.Succeed(task, "");
    }

    private bool IsRedirected(HttpContext context)
    {
        if (RedirectTo is not { } other)
        {
            return false;
        }

        context.Response.StatusCode = 302;
        context.Response.Headers.Location = $"https://{other}{context.Request.Path}{context.Request.QueryString}";
        return true;
    }

    private static object FromJson(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().ToDictionary(member => member.Name, member => FromJson(member.Value), StringComparer.Ordinal),
        JsonValueKind.Array => element.EnumerateArray().Select(FromJson).ToList(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => element.ToString(),
    };
}

/// <summary>A refusal with its code and parameters.</summary>
internal sealed class XapiRefusal(string code, params string[] parameters) : Exception
{
    public string Code => code;

    public IReadOnlyList<string> Parameters => parameters;
}
