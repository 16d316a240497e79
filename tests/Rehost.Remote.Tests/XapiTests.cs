using System.Collections.Immutable;
using System.Text;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Remote.Tests;

/// <summary>Upload to and download from a double of XenServer, over TLS, in both encodings of its API (S0.24-S0.28, S0.36).</summary>
[Requirement("S0.25", "S0.26", "S0.28", "S0.36")]
public sealed class XapiTests : IDisposable
{
    private const long DiskBytes = 6 << 20;
    private readonly ScratchDirectory _scratch = new();
    private readonly HostTransfer _transfer = new(new SilentProgress());

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(true, false)]
    public async Task An_XVA_is_imported_checked_and_put_on_its_networks(bool onlyXml, bool canMove)
    {
        await using var host = await XapiDouble.Start();
        host.KnowsOnlyXml = onlyXml;
        host.Database.CanMoveAdapters = canMove;
        var report = Upload(host, Options(("xenbr9", "storage")), MakeXva(bridges: ["xenbr0", "xenbr9"]));

        var (machine, fields) = Assert.Single(host.Database.All("VM"));
        Assert.Equal("web01", fields["name_label"]);
        Assert.Equal(fields["uuid"], report.Uuid);
        Assert.Equal("Local storage", report.Repository);
        Assert.Equal(["Pool-wide network 0", "storage"], report.Adapters.Select(adapter => adapter.Network));
        Assert.Equal(["00:16:3e:00:00:01", "00:16:3e:00:00:02"], report.Adapters.Select(adapter => adapter.MacAddress));
        Assert.Equal([DiskBytes], report.Disks.Select(disk => disk.LengthBytes));
        Assert.Contains("restore=true", Assert.Single(host.Requests), StringComparison.Ordinal);
        Assert.Equal(2, ((List<string>)host.Database.All("VM")[machine]["VIFs"]).Count);
        Assert.Empty(host.Database.All("task"));
        Assert.Equal(0, host.Database.OpenSessions);
    }

    [Fact]
    public async Task New_identity_leaves_UUID_and_addresses_to_the_host()
    {
        await using var host = await XapiDouble.Start();
        var report = Upload(host, Options() with { NewIdentity = true }, MakeXva());
        Assert.Equal("02:00:00:00:00:01", Assert.Single(report.Adapters).MacAddress);
        Assert.DoesNotContain("restore", Assert.Single(host.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_sends_nothing()
    {
        await using var host = await XapiDouble.Start();
        var report = Upload(host, Options() with { OnlyCheck = true }, MakeXva());
        Assert.Equal(("web01", "", "Local storage"), (report.Name, report.Uuid, report.Repository));
        Assert.Empty(host.Requests);
        Assert.Empty(host.Database.All("VM"));
    }

    [Theory]
    [InlineData("default")]
    [InlineData("dangling")]
    [InlineData("detached")]
    [InlineData("iso")]
    public async Task Without_a_repository_the_reason_is_said_before_anything_is_sent(string fault)
    {
        await using var host = await XapiDouble.Start();
        var repository = host.Database.All("SR").Keys.Single();
        var pool = host.Database.All("pool").Keys.Single();
        switch (fault)
        {
            case "default":
                host.Database.Set("pool", pool, "default_SR", "OpaqueRef:NULL");
                break;
            case "dangling":
                host.Database.Set("pool", pool, "default_SR", "OpaqueRef:gone");
                break;
            case "detached":
                host.Database.Set("SR", repository, "PBDs", new List<string>());
                break;
            default:
                host.Database.Set("SR", repository, "content_type", "iso");
                break;
        }

        AssertRefused("XAP009", () => Upload(host, Options(), MakeXva()));
        Assert.Empty(host.Requests);
    }

    [Theory]
    [InlineData("lvm", 5, "XAP010")] // takes disks at their full size
    [InlineData("ext", 5, null)] // what is stored fits
    [InlineData("ext", 1, "XAP010")]
    public async Task Room_is_looked_for_first(string type, int mebibytesLeft, string? refusal)
    {
        await using var host = await XapiDouble.Start();
        var repository = host.Database.All("SR").Keys.Single();
        host.Database.Set("SR", repository, "type", type);
        host.Database.Set("SR", repository, "physical_size", "1000000000000");
        host.Database.Set("SR", repository, "physical_utilisation", (1000000000000 - ((long)mebibytesLeft << 20)).ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (refusal is null)
        {
            Upload(host, Options(), MakeXva());
        }
        else
        {
            AssertRefused(refusal, () => Upload(host, Options(), MakeXva()));
            Assert.Empty(host.Requests);
        }
    }

    [Fact]
    public async Task A_repository_is_taken_by_name_and_must_be_the_only_one()
    {
        await using var host = await XapiDouble.Start();
        var first = host.Database.All("SR").Values.Single();
        host.Database.Add("SR", new(first) { ["uuid"] = host.Database.Uuid(), ["name_label"] = "fast" });
        Assert.Equal("fast", Upload(host, Options(), MakeXva(), "?sr=fast").Repository);
        AssertRefused("XAP009", () => Upload(host, Options(), MakeXva("web02"), "?sr=slow"));
        host.Database.Add("SR", new(first) { ["uuid"] = host.Database.Uuid(), ["name_label"] = "fast" });
        AssertRefused("XAP009", () => Upload(host, Options(), MakeXva("web02"), "?sr=fast"));
    }

    [Fact]
    public async Task A_network_that_is_not_there_and_a_name_that_is_are_refused()
    {
        await using var host = await XapiDouble.Start();
        var refused = AssertRefused("XAP011", () => Upload(host, Options(), MakeXva(bridges: ["br-lan"])));
        Assert.Contains("Pool-wide network 0", refused.Message, StringComparison.Ordinal);
        Upload(host, Options(), MakeXva());
        AssertRefused("XAP012", () => Upload(host, Options(), MakeXva()));
        host.Database.Set("VM", host.Database.All("VM").Keys.Single(), "name_label", "renamed");
        AssertRefused("XAP012", () => Upload(host, Options(), MakeXva())); // the UUID is there still
        Upload(host, Options() with { NewIdentity = true }, MakeXva());
        Assert.Equal(2, host.Database.All("VM").Count);
    }

    [Theory]
    [InlineData("IMPORT_INCOMPATIBLE_VERSION", -1, "--xenserver-version")]
    [InlineData(null, 1 << 20, "repository is full")]
    public async Task A_failed_import_is_told_by_its_task(string? code, long breaksAfter, string words)
    {
        await using var host = await XapiDouble.Start();
        (host.ImportFailure, host.ImportBreaksAfter) = (code, breaksAfter);
        Assert.Contains(words, AssertRefused("XAP013", () => Upload(host, Options(), MakeXva())).Message, StringComparison.Ordinal);
        Assert.Empty(host.Database.All("task"));
        Assert.Equal(0, host.Database.OpenSessions);
    }

    [Fact]
    public async Task A_stopped_upload_stops_the_task_on_the_host()
    {
        await using var host = await XapiDouble.Start();
        using var stop = new CancellationTokenSource();
        var transfer = new HostTransfer(new StoppingProgress(stop));
        Assert.ThrowsAny<OperationCanceledException>(() => transfer.Upload(MakeXva(), Address(host), Access(host), Options(), stop.Token));
        Assert.Contains("task.cancel", host.Calls);
        Assert.Equal(0, host.Database.OpenSessions);
        Assert.Empty(host.Database.All("VM"));
    }

    [Fact]
    public async Task A_pools_member_sends_to_the_master_and_the_storages_host()
    {
        await using var member = await XapiDouble.Start();
        await using var master = await XapiDouble.Start(member, "127.0.0.2", member.Port);
        await using var storage = await XapiDouble.Start(member);
        var access = Access(member) with { Fingerprints = [member.Fingerprint, master.Fingerprint, storage.Fingerprint] };
        member.Master = "127.0.0.2";
        master.RedirectTo = $"127.0.0.1:{storage.Port}";
        storage.Export = File.ReadAllBytes(MakeXva());
        _transfer.Upload(MakeXva(), Address(member), access, Options(), CancellationToken.None);
        Assert.Equal((0, 1, 1), (member.Requests.Count, master.Requests.Count, storage.Requests.Count));
        _transfer.Download(Address(member) + "web01", _scratch["down.xva"], access, null, CancellationToken.None);
        Assert.Equal((0, 2, 2), (member.Requests.Count, master.Requests.Count, storage.Requests.Count));

        var clone = Options() with { NewIdentity = true };
        // A certificate that was not named gets nothing, whoever sends us there.
        AssertRefused("XAP003", () => _transfer.Upload(MakeXva("web02"), Address(member), access with { Fingerprints = [member.Fingerprint, master.Fingerprint] }, clone, CancellationToken.None));
        storage.RedirectTo = master.RedirectTo;
        AssertRefused("XAP013", () => _transfer.Upload(MakeXva("web03"), Address(member), access, clone, CancellationToken.None)); // round in a circle
        master.Master = "127.0.0.1";
        AssertRefused("XAP005", () => _transfer.Upload(MakeXva("web04"), Address(member), access, clone, CancellationToken.None)); // each names the other
    }

    [Fact]
    public async Task Only_a_trusted_certificate_gets_the_password()
    {
        await using var host = await XapiDouble.Start();
        var xva = MakeXva();
        var refused = AssertRefused("XAP003", () => _transfer.Upload(xva, Address(host), Access(host) with { Fingerprints = [] }, Options(), CancellationToken.None));
        Assert.Contains(host.Fingerprint, refused.Message.Replace(":", "", StringComparison.Ordinal), StringComparison.Ordinal);
        AssertRefused("XAP003", () => _transfer.Upload(xva, Address(host), Access(host) with { Fingerprints = [new string('A', 64)] }, Options(), CancellationToken.None));
        Assert.Empty(host.Calls);
        File.WriteAllText(_scratch["ca.pem"], host.CertificatePem);
        _transfer.Upload(xva, Address(host), Access(host) with { Fingerprints = [], AuthorityFile = _scratch["ca.pem"] }, Options(), CancellationToken.None);
        AssertRefused("XAP004", () => _transfer.Upload(xva, Address(host), Access(host) with { Password = "wrong"u8.ToArray() }, Options(), CancellationToken.None));
    }

    [Theory]
    [InlineData("xenserver://root:secret@host/vm")]
    [InlineData("xenserver:///vm")]
    [InlineData("xenserver://host/vm?nonsense=1")]
    [InlineData("http://host/vm")]
    public void An_address_without_host_or_with_a_password_is_refused(string address)
    {
        var refused = AssertRefused("XAP001", () => Xapi.XapiAddress.Parse(address));
        Assert.DoesNotContain("secret", refused.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Halted", false)]
    [InlineData("Running", true)]
    public async Task A_machine_is_downloaded_and_its_snapshot_removed(string state, bool isSnapshot)
    {
        await using var host = await XapiDouble.Start();
        var xva = MakeXva();
        host.Export = File.ReadAllBytes(xva);
        host.Database.AddMachine("web01", state, DiskBytes);
        var report = _transfer.Download(Address(host) + "web01", _scratch["down.xva"], Access(host), "zstd", CancellationToken.None);
        Assert.Equal(host.Export, File.ReadAllBytes(_scratch["down.xva"]));
        Assert.Equal(("web01", isSnapshot), (report.Machine, report.IsOfSnapshot));
        Assert.Equal([DiskBytes], report.Disks);
        Assert.Contains("use_compression=zstd", Assert.Single(host.Requests), StringComparison.Ordinal);
        Assert.Equal(isSnapshot, host.Calls.Contains("VM.snapshot"));
        Assert.Single(host.Database.All("VM"));
        Assert.Single(host.Database.All("VDI"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_scratch["down.xva"]));
        Assert.Equal(0, host.Database.OpenSessions);
    }

    [Fact]
    public async Task What_cannot_be_exported_is_refused_and_a_broken_export_leaves_nothing()
    {
        await using var host = await XapiDouble.Start();
        host.Export = File.ReadAllBytes(MakeXva());
        void Download(string name) => _transfer.Download(Address(host) + name, _scratch["down.xva"], Access(host), null, CancellationToken.None);
        host.Database.AddMachine("asleep", "Suspended", DiskBytes);
        host.Database.AddMachine("twin", "Halted", DiskBytes);
        host.Database.AddMachine("twin", "Halted", DiskBytes);
        host.Database.AddMachine("web01", "Running", DiskBytes);
        AssertRefused("XAP008", () => Download("asleep"));
        AssertRefused("XAP007", () => Download("twin"));
        AssertRefused("XAP007", () => Download("nobody"));
        AssertRefused("XAP007", () => Download("5d2e2a56-8fb5-4b35-9b33-1b5a17a2a0ff"));
        host.ExportBreaksAfter = 1 << 20;
        Assert.Contains("VDI_IO_ERROR", AssertRefused("XAP015", () => Download("web01")).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_scratch.Path, "down*"));
        Assert.Equal(4, host.Database.All("VM").Count); // and no snapshot
        host.ExportBreaksAfter = -1;
        host.Export = host.Export[..^(2 << 20)]; // the host says all is well, and it is not
        Assert.ThrowsAny<DiagnosticException>(() => Download("web01"));
        Assert.Empty(Directory.GetFiles(_scratch.Path, "down*"));
    }

    [Fact]
    public async Task A_machine_on_a_host_is_a_source_like_a_file()
    {
        await using var host = await XapiDouble.Start();
        host.Export = File.ReadAllBytes(MakeXva());
        host.Database.AddMachine("web01", "Halted", DiskBytes);
        var kept = Directory.CreateDirectory(_scratch["kept"]).FullName;
        var request = new SourceRequest(Address(host) + "web01") { Remote = Access(host) with { ScratchDirectory = kept } };
        using (var source = KnownSources.Open(request, CancellationToken.None))
        {
            Assert.Equal(("xenserver", "web01", DiskBytes), (source.Kind, source.Machine.Name, source.Disks.Single().Length));
            Assert.Single(Directory.GetFiles(kept));
        }

        Assert.Empty(Directory.GetFiles(kept));
        Assert.DoesNotContain(Encoding.UTF8.GetString(Access(host).Password.Span), ModelJson.Serialize(request), StringComparison.Ordinal);
    }

    /// <summary>Whatever a host answers, it is a value, a refusal or a finding.</summary>
    [Fact]
    public void Answers_of_any_kind_are_survived()
    {
        var json = """{"jsonrpc":"2.0","result":{"name_label":"a","VBDs":["OpaqueRef:1","OpaqueRef:2"],"is_a_template":false,"n":1.5},"id":1}"""u8.ToArray();
        var xml = Encoding.UTF8.GetBytes("<?xml version='1.0'?><methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member><member><name>Value</name><value><array><data><value>a</value><value><boolean>1</boolean></value></data></array></value></member></struct></value></param></params></methodResponse>");
        Assert.Equal(2, Assert.IsType<Hypervisors.XenServer.XmlRpcArray>(Xapi.XapiXml.Result(xml, "host")).Elements.Length);
        var random = new Random(20);
        for (var round = Fuzzing.Rounds(3000); round > 0; round--)
        {
            foreach (var (sample, parse) in ((byte[], Action<byte[]>)[])[(json, bytes => Xapi.XapiJson.Result(bytes, "host")), (xml, bytes => Xapi.XapiXml.Result(bytes, "host"))])
            {
                var bytes = sample.ToArray();
                for (var i = random.Next(1, 6); i > 0; i--)
                {
                    bytes[random.Next(bytes.Length)] = random.Next(3) == 0 ? (byte)random.Next(256) : sample[random.Next(sample.Length)];
                }

                try
                {
                    parse(random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
                }
                catch (Exception e) when (e is DiagnosticException or Xapi.XapiFailure)
                {
                    // As it should be.
                }
            }
        }
    }

    private static Diagnostic AssertRefused(string id, Action action)
    {
        var refused = Assert.Throws<DiagnosticException>(action).Diagnostic;
        Assert.True(refused.Id == id, refused.ToString());
        return refused;
    }

    private Xapi.UploadReport Upload(XapiDouble host, UploadOptions options, string xva, string query = "") => _transfer.Upload(xva, Address(host) + query, Access(host), options, CancellationToken.None);

    private static UploadOptions Options(params (string Old, string New)[] networks) => new(networks.ToImmutableDictionary(pair => pair.Old, pair => pair.New), false, false);

    private static string Address(XapiDouble host) => $"xenserver://root@localhost:{host.Port}/";

    private static RemoteAccess Access(XapiDouble host) => new() { Password = "s3cret"u8.ToArray(), Fingerprints = [host.Fingerprint] };

    /// <summary>An XVA by the packer of the fixtures, which shares no code with the product.</summary>
    private string MakeXva(string name = "web01", params string[] bridges)
    {
        var disk = _scratch[name + ".raw"];
        if (!File.Exists(disk))
        {
            var content = new byte[DiskBytes];
            new Random(7).NextBytes(content.AsSpan(0, 3 << 20));
            File.WriteAllBytes(disk, content);
        }

        return XvaFixture.Pack(_scratch, name, disk, bridges is [] ? ["xenbr0"] : bridges);
    }

    private sealed class StoppingProgress(CancellationTokenSource stop) : IProgressSink
    {
        public void BeginStage(string title, long? totalBytes = null)
        {
        }

        public void Report(long doneBytes)
        {
            if (doneBytes >= 1 << 20)
            {
                stop.Cancel();
            }
        }

        public void Complete()
        {
        }
    }
}
