using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Remote.Tests;

/// <summary>
/// rehost convert xenserver://…: the export streams into the conversion (S0.24, S4.2). What comes out is, block by block, what comes of the same archive as a file; on the way there
/// is no copy of it; and whatever breaks, nothing is left here, and no snapshot there.
/// </summary>
[Requirement("S0.24", "S0.27", "S4.2")]
public sealed class XapiStreamingTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly Migration _migration = new(new SilentProgress());

    private static CancellationToken NoStop => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("kvm", "qcow2", "none", true)] // the whole disk moves behind a new table: clusters are renamed
    [InlineData("kvm", "raw", "none", true)] // the file system moves it, or it is copied
    [InlineData("xen", "raw", "none", true)] // every byte stays where it landed
    [InlineData("kvm", "qcow2", "zstd", false)] // written from front to back: the disks are kept in files meanwhile
    [InlineData("vmware", "ova", "none", false)]
    public async Task The_target_is_what_a_file_would_have_become(string target, string format, string compression, bool inPlace)
    {
        var xva = MakeXva();
        await using var host = await XapiDouble.Start();
        host.Export = File.ReadAllBytes(xva);
        host.Database.AddMachine("small", "Running", 64 << 20);
        var watch = new Watch(_scratch["streamed"]);
        var streamed = new Migration(watch).Convert(Request(host), Target(target, format, compression, "streamed"), NoStop);
        var filed = _migration.Convert(new SourceRequest(xva), Target(target, format, compression, "filed"), NoStop);

        Assert.Equal(filed.Disks.Select(disk => (disk.ContentHash, disk.LengthBytes, disk.ChangedBytes, disk.File)), streamed.Disks.Select(disk => (disk.ContentHash, disk.LengthBytes, disk.ChangedBytes, disk.File)));
        Assert.Equal(File.ReadAllText(_scratch["filed/" + filed.ConfigurationFile]).Replace("/filed/", "/streamed/", StringComparison.Ordinal), File.ReadAllText(_scratch["streamed/" + streamed.ConfigurationFile]));
        Assert.Equal(Names("filed"), Names("streamed"));
        Assert.Equal("xenserver", streamed.SourceKind);
        Assert.StartsWith("xenserver://root@localhost", streamed.Source.Path, StringComparison.Ordinal);
        Assert.Equal(!inPlace, streamed.Facts.Findings.Any(finding => finding.Id == "XAP018"));
        Assert.True(watch.Received > 1 << 20);
        Assert.Equal(inPlace ? 1 : 2, watch.MostDiskFiles);

        // A machine that ran was exported through a snapshot, which is gone with its disk.
        Assert.Contains("VM.snapshot", host.Calls);
        AssertClean(host);

        // The proof stands without the source, and every file of the guest is what it was.
        var report = _migration.Verify(_scratch["streamed"], null, [], NoStop);
        Assert.True(report.Checks.All(check => check.Outcome != CheckOutcome.Failed), string.Join('\n', report.Checks));
        if (format is "qcow2")
        {
            Tool.MustRun("qemu-img", "check", _scratch["streamed/" + streamed.Disks[0].File]);
        }

        Assert.True(_migration.Verify(_scratch["streamed"], xva, [], NoStop).IsProved);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task A_stream_that_the_host_compressed_is_read_as_it_comes(string compressor)
    {
        var xva = MakeXva();
        await using var host = await XapiDouble.Start();
        Tool.MustRun("sh", "-c", $"{compressor} -c < '{xva}' > '{xva}.packed'");
        host.Export = File.ReadAllBytes(xva + ".packed");
        host.Database.AddMachine("small", "Halted", 64 << 20);
        var record = _migration.Convert(Request(host), Target("kvm", "qcow2", "none", "out"), NoStop);
        Assert.DoesNotContain("VM.snapshot", host.Calls);
        Assert.True(_migration.Verify(_scratch["out"], xva, [], NoStop).IsProved, record.ConfigurationFile);
    }

    [Theory]
    [InlineData("the host fails", "XAP015")]
    [InlineData("the task fails after the data", "XAP015")]
    [InlineData("the connection breaks", "XAP002")]
    [InlineData("a bit flips", "XVA004")]
    [InlineData("a disk is too short", "XVA008")]
    [InlineData("the machine was suspended", "XSO006")]
    [InlineData("no guest", null)]
    public async Task Whatever_breaks_leaves_nothing_here_and_no_snapshot_there(string fault, string? id)
    {
        await using var host = await XapiDouble.Start();
        host.Database.AddMachine("small", "Running", 64 << 20);
        host.Export = File.ReadAllBytes(MakeXva(fault == "no guest"));
        switch (fault)
        {
            case "the host fails":
                host.ExportBreaksAfter = 3 << 20;
                break;
            case "the task fails after the data":
                host.ExportFailure = "VDI_IO_ERROR";
                break;
            case "the connection breaks":
                host.ExportAbortsAfter = 3 << 20;
                break;
            case "a bit flips":
                host.Export[3 << 20] ^= 1;
                break;
            case "a disk is too short":
                Replace(host.Export, "<value>67108864</value>", "<value>67109888</value>");
                break;
            case "the machine was suspended":
                Replace(host.Export, "<name>suspend_VDI</name><value>OpaqueRef:NULL</value>", "<name>suspend_VDI</name><value>OpaqueRef:9999</value>");
                break;
        }

        var refused = Assert.Throws<DiagnosticException>(() => _migration.Convert(Request(host), Target("kvm", "qcow2", "none", "out"), NoStop)).Diagnostic;
        Assert.True(id is null || refused.Id == id, refused.ToString());
        Assert.False(Directory.Exists(_scratch["out"]));
        AssertClean(host);
    }

    [Fact]
    public async Task A_stop_ends_the_transfer_and_removes_the_snapshot()
    {
        await using var host = await XapiDouble.Start();
        host.Database.AddMachine("small", "Running", 64 << 20);
        host.Export = File.ReadAllBytes(MakeXva());
        using var stop = new CancellationTokenSource();
        var stopping = new Migration(new Watch(_scratch["out"]) { At = (2 << 20, stop.Cancel) });
        Assert.ThrowsAny<OperationCanceledException>(() => stopping.Convert(Request(host), Target("kvm", "raw", "none", "out"), stop.Token));
        Assert.False(Directory.Exists(_scratch["out"]));
        AssertClean(host);
    }

    [Fact]
    public async Task A_result_that_is_there_is_seen_before_anything_is_asked_of_the_host()
    {
        await using var host = await XapiDouble.Start();
        Directory.CreateDirectory(_scratch["out"]);
        File.WriteAllText(_scratch["out/report.json"], "{}");
        Assert.Equal("PIP002", Assert.Throws<DiagnosticException>(() => _migration.Convert(Request(host), Target("kvm", "raw", "none", "out"), NoStop)).Diagnostic.Id);
        Assert.Empty(host.Calls);
    }

    [Fact]
    public async Task Inspecting_and_planning_keep_the_disks_only_as_long_as_they_last()
    {
        await using var host = await XapiDouble.Start();
        host.Database.AddMachine("small", "Halted", 64 << 20);
        host.Export = File.ReadAllBytes(MakeXva());
        var request = Request(host) with { Remote = Access(host) with { ScratchDirectory = Directory.CreateDirectory(_scratch["kept"]).FullName } };
        Assert.NotNull(_migration.Inspect(request, NoStop).OperatingSystem);
        Assert.NotEmpty(_migration.Plan(request, Target("kvm", "qcow2", "none", "out"), NoStop).Plan.Changes);
        Assert.Empty(Directory.GetFiles(_scratch["kept"]));
    }

    private static SourceRequest Request(XapiDouble host) => new($"xenserver://root@localhost:{host.Port}/small") { Remote = Access(host) };

    private static RemoteAccess Access(XapiDouble host) => new() { Password = "s3cret"u8.ToArray(), Fingerprints = [host.Fingerprint] };

    private TargetRequest Target(string kind, string format, string compression, string output)
        => new(kind) { OutputDirectory = _scratch[output], Options = new ConversionOptions { Target = kind, DiskFormat = format, Compression = compression } };

    private string[] Names(string directory) => [.. Directory.GetFiles(_scratch[directory]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private static void AssertClean(XapiDouble host)
    {
        Assert.Single(host.Database.All("VM"));
        Assert.Single(host.Database.All("VDI"));
        Assert.Empty(host.Database.All("task"));
        Assert.Equal(0, host.Database.OpenSessions);
    }

    private static void Replace(byte[] archive, string old, string with)
    {
        var (from, to) = (System.Text.Encoding.ASCII.GetBytes(old), System.Text.Encoding.ASCII.GetBytes(with));
        var at = archive.AsSpan().IndexOf(from);
        Assert.True(at > 0 && to.Length == from.Length, old);
        to.CopyTo(archive.AsSpan(at));
    }

    /// <summary>A PV guest as they were: one file system on the whole disk, without a table.</summary>
    private string MakeXva(bool isEmpty = false)
    {
        var disk = _scratch["xvda1.img"];
        if (!File.Exists(disk))
        {
            var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n").Files("/srv", 40, 100_000, 5);
            SmallGuest.Junk(disk, 64, 8);
            if (!isEmpty)
            {
                Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, disk);
            }
        }

        return XvaFixture.Pack(_scratch, "small", disk, ["xenbr0"]);
    }

    /// <summary>Counts the disk files that lie in the output directory at a time.</summary>
    private sealed class Watch(string directory) : IProgressSink
    {
        private string _stage = "";

        public (long Bytes, Action Then)? At { get; init; }

        public long Received { get; private set; }

        public int MostDiskFiles { get; private set; }

        public void BeginStage(string title, long? totalBytes = null)
        {
            _stage = title;
            Look();
        }

        public void Report(long doneBytes)
        {
            Look();
            if (_stage == "Receiving the source")
            {
                Received = doneBytes;
                if (At is var (bytes, then) && doneBytes >= bytes)
                {
                    then();
                }
            }
        }

        public void Complete() => Look();

        private void Look() => MostDiskFiles = Directory.Exists(directory) ? Math.Max(MostDiskFiles, Directory.GetFiles(directory).Count(path => new FileInfo(path).Length > 1 << 20)) : MostDiskFiles;
    }
}
