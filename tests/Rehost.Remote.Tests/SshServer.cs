using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Rehost.Testing;

namespace Rehost.Remote.Tests;

/// <summary>A real sshd on a port of its own, with keys of its own; and an ssh that knows them.</summary>
internal sealed class SshServer : IDisposable
{
    private readonly Process _process;

    public SshServer(ScratchDirectory scratch)
    {
        foreach (var key in (string[])["host", "user"])
        {
            Tool.MustRun("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", scratch[key]);
        }

        File.Copy(scratch["user.pub"], scratch["authorized"]);
        Port = FreePort();
        Directory.CreateDirectory("/run/sshd");
        File.WriteAllText(scratch["sshd.conf"], $"""
            Port {Port}
            ListenAddress 127.0.0.1
            HostKey {scratch["host"]}
            AuthorizedKeysFile {scratch["authorized"]}
            StrictModes no
            PermitRootLogin yes
            UsePAM no
            PidFile none
            """);
        File.WriteAllText(scratch["known"], string.Create(CultureInfo.InvariantCulture, $"[127.0.0.1]:{Port} {File.ReadAllText(scratch["host.pub"])}"));
        Program = scratch["ssh"];
        File.WriteAllText(Program, $"#!/bin/sh\nexec ssh -F none -o BatchMode=yes -o UserKnownHostsFile={scratch["known"]} -i {scratch["user"]} \"$@\"\n");
        File.SetUnixFileMode(Program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var start = new ProcessStartInfo("/usr/sbin/sshd");
        foreach (var argument in (string[])["-D", "-E", scratch["sshd.log"], "-f", scratch["sshd.conf"]])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start) ?? throw new InvalidOperationException("sshd did not start");
        while (!_process.HasExited && !(File.Exists(scratch["sshd.log"]) && File.ReadAllText(scratch["sshd.log"]).Contains("Server listening", StringComparison.Ordinal)))
        {
            Thread.Sleep(50);
        }
    }

    public int Port { get; }

    public string Program { get; }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
