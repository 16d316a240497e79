using System.Collections.Immutable;
using System.Text;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>A login at a pool's master, ended when disposed.</summary>
internal sealed class XapiSession : IDisposable
{
    private const string None = "OpaqueRef:NULL";
    private const int Redirections = 3;

    private XapiSession(XapiClient client, string reference) => (Client, Reference) = (client, reference);

    public XapiClient Client { get; }

    /// <summary>Reference of the session: a secret while it lasts.</summary>
    public string Reference { get; }

    /// <summary>Logs in; a member of a pool names its master, which is logged into then.</summary>
    /// <exception cref="DiagnosticException">XAP002 to XAP006.</exception>
    public static XapiSession Open(XapiAddress address, ReadOnlySpan<byte> password, XapiTrust trust, CancellationToken cancellationToken)
    {
        var secret = Encoding.UTF8.GetString(password);
        var host = address.Host;
        for (var left = Redirections; ; left--)
        {
            var client = new XapiClient(host, address.Port, trust);
            try
            {
                return new XapiSession(client, Text(client.Call("session.login_with_password", cancellationToken, address.User, secret, "1.0", "rehost")));
            }
            catch (XapiFailure e) when (e.Code == "HOST_IS_SLAVE" && e.Parameters is [var master, ..] && left > 0)
            {
                client.Dispose();
                host = master;
            }
            catch (XapiFailure e)
            {
                client.Dispose();
                throw (e.Code is "SESSION_AUTHENTICATION_FAILED" ? XapiDiagnostics.LoginFailed : XapiDiagnostics.CallFailed).ToException(e.Code, $"{address.User}@{host}", e);
            }
            catch
            {
                client.Dispose();
                throw;
            }
        }
    }

    /// <summary>Calls a method with the session as its first argument.</summary>
    /// <exception cref="XapiFailure">The host refused.</exception>
    public XmlRpcValue Try(string method, CancellationToken cancellationToken, params ImmutableArray<object> arguments) => Client.Call(method, cancellationToken, [Reference, .. arguments]);

    /// <summary>As <see cref="Try"/>, where a refusal ends the work.</summary>
    /// <exception cref="DiagnosticException">XAP005.</exception>
    public XmlRpcValue Call(string method, CancellationToken cancellationToken, params ImmutableArray<object> arguments)
    {
        try
        {
            return Try(method, cancellationToken, arguments);
        }
        catch (XapiFailure e)
        {
            throw XapiDiagnostics.CallFailed.ToException($"{method}: {e.Message}", Client.Host, e);
        }
    }

    /// <summary>Calls a method that answers with text.</summary>
    public string CallText(string method, CancellationToken cancellationToken, params ImmutableArray<object> arguments) => Text(Call(method, cancellationToken, arguments));

    /// <summary>Calls a method that answers with a list of references.</summary>
    public ImmutableArray<string> CallList(string method, CancellationToken cancellationToken, params ImmutableArray<object> arguments)
        => Call(method, cancellationToken, arguments) is XmlRpcArray list ? [.. list.Elements.Select(Text)] : [];

    /// <summary>Whether a reference leads to something.</summary>
    public static bool IsReference(string reference) => reference.Length > 0 && reference != None;

    /// <summary>The text of a value; empty when it is none.</summary>
    public static string Text(XmlRpcValue value) => value is XmlRpcText text ? text.Content : "";

    /// <summary>Logs out.</summary>
    public void Dispose()
    {
        try
        {
            Client.Call("session.logout", CancellationToken.None, Reference);
        }
        catch (Exception e) when (e is XapiFailure or DiagnosticException)
        {
            // The host ends idle sessions by itself.
        }

        Client.Dispose();
    }
}
