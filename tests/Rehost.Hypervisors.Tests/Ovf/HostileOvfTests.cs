using System.Text;
using Rehost.Blocks;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Ovf;

public sealed class HostileOvfTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("../../x")]
    [InlineData("a/../../x")]
    [InlineData("%2e%2e/%2e%2e/x")]
    [InlineData("/etc/passwd")]
    [InlineData("http://example.org/disk.vmdk")]
    [InlineData("file:///etc/passwd")]
    [InlineData("C:\\disk.vmdk")]
    [InlineData("..\\x")]
    [InlineData("")]
    public void A_reference_that_leads_elsewhere_is_refused_by_name(string href)
    {
        var text = Descriptors.VirtualBox(false).Replace("lab disk.raw", href, StringComparison.Ordinal);
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["a/b"]);
        File.WriteAllText(scratch["x"], "secret");
        File.WriteAllText(scratch["a/b/lab.ovf"], text);
        foreach (var open in (Func<OvfPackage>[])[() => OvfPackageTests.Open(new OvaBuilder().Add("a/b/lab.ovf", text).Add("x", "secret")), () => OvfPackage.OpenFolder(scratch["a/b/lab.ovf"])])
        {
            var error = Assert.Throws<DiagnosticException>(() =>
            {
                using var package = open();
                package.OpenDisks(Token);
            }).Diagnostic;
            Assert.Equal(href.Length == 0 ? "OVF007" : "OVF006", error.Id);
            Assert.Contains(href, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_link_out_of_the_folder_is_refused()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["in"]);
        File.WriteAllText(scratch["in/lab.ovf"], Descriptors.VirtualBox(false));
        File.WriteAllText(scratch["secret"], "secret");
        File.CreateSymbolicLink(scratch["in/lab disk.raw"], scratch["secret"]);
        using var package = OvfPackage.OpenFolder(scratch["in/lab.ovf"]);
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => package.OpenDisks(Token)).Diagnostic.Id);
    }

    public static TheoryData<string, string> Archives() => new()
    {
        { "symbolic link", "TAR004" },
        { "hard link", "TAR004" },
        { "absolute name", "TAR003" },
        { "name with ..", "TAR003" },
        { "two members of one name", "TAR008" },
        { "no descriptor", "OVF003" },
        { "manifest of another kind", "OVF010" },
        { "manifest names a file elsewhere", "OVF006" },
        { "manifest names a missing file", "OVF010" },
        { "disk missing", "BLK005" },
        { "part missing", "BLK005" },
        { "part of a wrong length", "OVF007" },
        { "gzip bomb", "DSK010" },
        { "gzip damaged", "ARC003" },
    };

    [Theory]
    [MemberData(nameof(Archives))]
    public void Each_hostile_archive_has_one_clear_message(string fault, string id)
    {
        var text = Descriptors.VirtualBox(false);
        OvaBuilder With(string attributes) => new OvaBuilder().Add("lab.ovf", text.Replace("ovf:href=\"lab disk.raw\"", $"ovf:href=\"lab disk.raw\" {attributes}", StringComparison.Ordinal));
        var good = new OvaBuilder().Add("lab.ovf", text);
        var builder = fault switch
        {
            "symbolic link" => good.Add("lab disk.raw", [], '2', "/etc/passwd"),
            "hard link" => good.Add("lab disk.raw", [], '1', "lab.ovf"),
            "absolute name" => good.Add("/etc/passwd", "x"),
            "name with .." => good.Add("a/../../lab disk.raw", "x"),
            "two members of one name" => good.Add("lab disk.raw", "1").Add("./lab disk.raw", "2"),
            "no descriptor" => new OvaBuilder().Add("lab disk.raw", "x"),
            "manifest of another kind" => good.Add("lab.mf", "MD5(lab.ovf)= 00112233445566778899aabbccddeeff\n"),
            "manifest names a file elsewhere" => good.Add("lab disk.raw", "x").Add("lab.mf", $"SHA1(../../x)= {new string('0', 40)}\n"),
            "manifest names a missing file" => good.Add("lab disk.raw", "x").Add("lab.mf", $"SHA1(y)= {new string('0', 40)}\n"),
            "disk missing" => good,
            "part missing" => With("ovf:chunkSize=\"5\""),
            "part of a wrong length" => With("ovf:chunkSize=\"5\"").Add("lab disk.raw.000000000", "1234").Add("lab disk.raw.000000001", "1234"),
            "gzip bomb" => With("ovf:compression=\"gzip\"").Add("lab disk.raw", Bomb()),
            "gzip damaged" => With("ovf:compression=\"gzip\"").Add("lab disk.raw", [0x1f, 0x8b, 8, 0, .. new byte[100]]),
            _ => throw new InvalidOperationException(fault),
        };
        var error = Assert.Throws<DiagnosticException>(() =>
        {
            using var package = OvfPackageTests.Open(builder);
            package.VerifyManifest(null, Token);
            package.OpenDisks(Token);
        });
        Assert.Equal(id, error.Diagnostic.Id);
    }

    public static TheoryData<string, string> Documents() => new()
    {
        { "<!DOCTYPE x [<!ENTITY a \"b\">]><Envelope>&a;</Envelope>", "OVF001" },
        { "<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><Envelope>&c;</Envelope>", "OVF001" },
        { "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><Envelope/>", "OVF001" },
        { "<Envelope", "OVF001" },
        { "", "OVF001" },
        { "<Something/>", "OVF001" },
        { "<Envelope/>", "OVF004" },
        { string.Concat(Enumerable.Repeat("<a>", 100_000)), "OVF002" },
        { $"<Envelope>{string.Concat(Enumerable.Repeat("<a/>", 300_000))}</Envelope>", "OVF002" },
        { "<Envelope><VirtualSystem id='a'/><VirtualSystem id='b'/></Envelope>", "OVF005" },
        { "<Envelope><References><File id='a' href='x'/><File id='a' href='y'/></References></Envelope>", "OVF007" },
        { "<Envelope><References><File id='a' href='x' compression='bzip2'/></References></Envelope>", "OVF013" },
        { "<Envelope><DiskSection><Disk diskId='a' parentRef='b'/></DiskSection></Envelope>", "OVF013" },
        { "<Envelope><DiskSection><Disk diskId='a' capacity='-1'/></DiskSection></Envelope>", "OVF008" },
        { "<Envelope><DiskSection><Disk diskId='a' capacity='99999999999999999999'/></DiskSection></Envelope>", "OVF008" },
        { "<Envelope><DiskSection><Disk diskId='a' capacity='9' capacityAllocationUnits='byte * 2^99'/></DiskSection></Envelope>", "OVF008" },
        { "<Envelope><VirtualSystem id='a'/></Envelope>", "OVF016" },
    };

    [Theory]
    [MemberData(nameof(Documents))]
    public void Each_hostile_descriptor_has_one_clear_message(string xml, string id)
        => Assert.Equal(id, Assert.Throws<DiagnosticException>(() => OvfPackageTests.Open(new OvaBuilder().Add("a.ovf", xml))).Diagnostic.Id);

    [Fact]
    public void Damaged_descriptors_give_diagnostics_only()
    {
        string[] seeds = [Descriptors.Vmware(), Descriptors.VirtualBox(true), Descriptors.Version09(), Descriptors.XenServer("xen-3.0-x64"), Descriptors.Ovirt("RAW", 3)];
        Fuzz.Run(1500, seeds, "<>/=\"&: 0123456789abcdefghijklmnopqrstuvwxyz.%\\", text =>
        {
            using var package = OvfPackageTests.Open(new OvaBuilder().Add("a.ovf", text).Add("lab disk.raw", [1, 2, 3]));
            foreach (var disk in package.OpenDisks(CancellationToken.None))
            {
                disk.Dispose();
            }
        });
    }

    [Fact]
    public void Damaged_archives_and_manifests_give_diagnostics_only()
    {
        var good = new OvaBuilder().Add("old.ovf", Descriptors.Version09()).Add("input.raw", new byte[3000]).Manifest("old.mf").End();
        var random = new Random(20261121);
        for (var round = 0; round < Fuzzing.Rounds(3000); round++)
        {
            var bytes = (byte[])good.Clone();
            for (var hits = random.Next(1, 5); hits > 0; hits--)
            {
                var at = random.Next(bytes.Length);
                bytes[at] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)random.Next('0', '8');
                if (random.Next(2) == 0)
                {
                    var header = bytes.AsSpan(at / 512 * 512, 512);
                    header[148..156].Fill((byte)' ');
                    var sum = 0;
                    foreach (var one in header)
                    {
                        sum += one;
                    }

                    Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0')).CopyTo(header[148..]);
                }
            }

            try
            {
                using var package = OvfPackage.OpenArchive(new MemoryDevice(bytes[..random.Next(bytes.Length / 2, bytes.Length + 1)]), "fuzz.ova", Token);
                package.VerifyManifest(null, Token);
            }
            catch (DiagnosticException)
            {
                // What hostile input must end in.
            }
        }
    }

    private static byte[] Bomb()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("sh", "-c", $"head -c 200M /dev/zero | gzip -9 > '{scratch["bomb"]}'");
        return File.ReadAllBytes(scratch["bomb"]);
    }
}
