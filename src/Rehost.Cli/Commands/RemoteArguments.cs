using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Rehost.Pipeline;
using Rehost.Pipeline.Sources;
using Rehost.Remote.Ssh;
using Rehost.Remote.Xapi;

namespace Rehost.Cli.Commands;

/// <summary>How a host is spoken to. A password comes from a prompt, a file or the desktop's keyring, never from the arguments: every user of this computer can read those.</summary>
internal sealed class RemoteArguments
{
    private const int LongestPassword = 4096;
    private readonly Option<string?> _passwordFile = new("--password-file") { Description = "File whose first line is the password of a XenServer host; default: it is asked for." };
    private readonly Option<bool> _keyring = new("--keyring") { Description = "Take the password from the keyring (secret-tool lookup service rehost host HOST user USER)." };
    private readonly Option<string[]> _fingerprints = new("--tls-fingerprint") { Description = "SHA-256 fingerprint of the certificate of a XenServer host that is believed; may be repeated, for the hosts of a pool." };
    private readonly Option<string?> _authority = new("--tls-ca") { Description = "PEM file of the authorities that sign the certificates of XenServer hosts; default: this computer's own." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _passwordFile, _keyring, _fingerprints, _authority })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What is needed for a source or target; null for a file.</summary>
    public RemoteAccess? Read(ParseResult parsed, string address)
    {
        if (!XapiAddress.IsAddress(address))
        {
            return SshAddress.IsAddress(address) ? new RemoteAccess() : null;
        }

        var host = XapiAddress.Parse(address);
        return new RemoteAccess
        {
            Password = ReadPassword(parsed, host),
            Fingerprints = [.. parsed.GetValue(_fingerprints) ?? []],
            AuthorityFile = parsed.GetValue(_authority),
        };
    }

    private byte[] ReadPassword(ParseResult parsed, XapiAddress host)
        => parsed.GetValue(_passwordFile) is { } file ? ReadFile(file)
            : parsed.GetValue(_keyring) ? ReadKeyring(host)
            : KeyPrompt.Ask($"Password of {host.User} at {host.Host}", "use --password-file or --keyring", "--password-file");

    private static byte[] ReadFile(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read);
            var bytes = new byte[LongestPassword];
            var line = bytes.AsSpan(0, stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
            var end = line.IndexOfAny((byte)'\n', (byte)'\r');
            return (end < 0 ? line : line[..end]).ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw PipelineDiagnostics.BadOption.ToException($"the file with the password cannot be read: {e.Message}", "--password-file", e);
        }
    }

    private static byte[] ReadKeyring(XapiAddress host)
    {
        try
        {
            var start = new ProcessStartInfo("secret-tool") { RedirectStandardOutput = true, UseShellExecute = false };
            foreach (var argument in (string[])["lookup", "service", "rehost", "host", host.Host, "user", host.User])
            {
                start.ArgumentList.Add(argument);
            }

            using var process = Process.Start(start) ?? throw new Win32Exception("it did not start");
            var password = process.StandardOutput.ReadToEnd().TrimEnd('\n');
            process.WaitForExit();
            return process.ExitCode == 0 && password.Length > 0 ? Encoding.UTF8.GetBytes(password)
                : throw PipelineDiagnostics.BadOption.ToException($"the keyring has no password for service rehost, host {host.Host}, user {host.User}", "--keyring");
        }
        catch (Win32Exception e)
        {
            throw PipelineDiagnostics.BadOption.ToException($"secret-tool (package libsecret-tools): {e.Message}", "--keyring", e);
        }
    }
}
