using Rehost.Blocks;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Remote.Ssh;
using Rehost.Testing;

namespace Rehost.Remote.Tests;

/// <summary>A Xen host read through the system's ssh and a real sshd: configuration and disks, in place (S1.2, S4.8).</summary>
public sealed class SshTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly SshServer _server;

    public SshTests() => _server = new SshServer(_scratch);

    public void Dispose()
    {
        _server.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void A_machine_is_read_where_it_is()
    {
        var content = new byte[(3 << 20) + 777];
        new Random(3).NextBytes(content);
        File.WriteAllBytes(_scratch["it's a disk.img"], content);
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "qcow2", _scratch["it's a disk.img"], _scratch["second.qcow2"]);
        var configuration = Configure($"['file:{_scratch["it's a disk.img"].Replace("'", "\\'", StringComparison.Ordinal)},xvda,w', 'format=qcow2,vdev=xvdb,access=rw,target={_scratch["second.qcow2"]}']");
        using (var source = Open(configuration))
        {
            Assert.Equal(("xen+ssh", "web01"), (source.Kind, source.Machine.Name));
            Assert.Equal(["xvda", "xvdb"], source.Machine.Disks.Select(disk => disk.DeviceName));
            var random = new Random(5);
            foreach (var disk in source.Disks)
            {
                var whole = new byte[content.Length];
                disk.Read(GuestOffset.Zero, whole);
                Assert.Equal(content, whole);
                Parallel.For(0, 40, i =>
                {
                    int offset, length;
                    lock (random)
                    {
                        (offset, length) = (random.Next(content.Length), random.Next(1, 70_000));
                    }

                    length = Math.Min(length, content.Length - offset);
                    var part = new byte[length];
                    disk.Read(new GuestOffset(offset), part);
                    Assert.True(content.AsSpan(offset, length).SequenceEqual(part));
                });
                Assert.Equal("BLK001", Assert.Throws<DiagnosticException>(() => disk.Read(new GuestOffset(disk.Length), new byte[1])).Diagnostic.Id);
            }

            source.EnsureUnchanged();
            File.SetLastWriteTimeUtc(_scratch["it's a disk.img"], DateTime.UtcNow.AddHours(-1));
            Assert.Equal("PIP007", Assert.Throws<DiagnosticException>(source.EnsureUnchanged).Diagnostic.Id);
        }
    }

    [Fact]
    public void A_file_that_shrinks_while_it_is_read_is_an_error_and_no_wait()
    {
        File.WriteAllBytes(_scratch["disk"], new byte[1 << 20]);
        using var host = SshHost.Connect(Address("/x"), _server.Program, TimeSpan.FromSeconds(5));
        using var file = new SshFile(host, _scratch["disk"]);
        file.Read(GuestOffset.Zero, new byte[4096]);
        File.WriteAllBytes(_scratch["disk"], new byte[4096]);
        Assert.Equal("SSH002", Assert.Throws<DiagnosticException>(() => file.Read(new GuestOffset(8192), new byte[4096])).Diagnostic.Id);
        Assert.Equal("SSH002", Assert.Throws<DiagnosticException>(() => file.Read(GuestOffset.Zero, new byte[4096])).Diagnostic.Id); // and stays broken
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        Assert.Contains("/etc/xen/no-such-machine.cfg", Refused("SSH003", () => Open("no-such-machine")).Message, StringComparison.Ordinal);
        var configuration = Configure("['phy:/dev/vg1/not-there,xvda,w']");
        Assert.Contains("/dev/vg1/not-there", Refused("XEN007", () => Open(configuration)).Message, StringComparison.Ordinal);
        Refused("SSH002", () => SshHost.Connect(Address("/x") with { Port = 1 }, _server.Program).Dispose());
        Refused("SSH002", () => SshHost.Connect(Address("/x"), _scratch["no-such-program"]).Dispose());
    }

    private static Diagnostic Refused(string id, Action action)
    {
        var refused = Assert.Throws<DiagnosticException>(action).Diagnostic;
        Assert.True(refused.Id == id, refused.ToString());
        return refused;
    }

    private SshAddress Address(string machine) => new("127.0.0.1", _server.Port, Environment.UserName, machine);

    private OpenSource Open(string machine)
        => KnownSources.Open(new SourceRequest($"xen+ssh://{Environment.UserName}@127.0.0.1:{_server.Port}/{machine.TrimStart('/')}") { Remote = new RemoteAccess { SshProgram = _server.Program } }, CancellationToken.None);

    private string Configure(string disks)
    {
        File.WriteAllText(_scratch["web01.cfg"], $"name = 'web01'\nmemory = 256\nbootloader = '/usr/bin/pygrub'\nvif = ['mac=00:16:3e:01:02:03,bridge=xenbr0']\ndisk = {disks}\n");
        return _scratch["web01.cfg"];
    }
}
