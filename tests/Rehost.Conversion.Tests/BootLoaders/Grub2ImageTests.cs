using System.Diagnostics;
using System.Text;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.BootLoaders;

/// <summary>Our core.img against grub-mkimage's (S1.33).</summary>
public sealed class Grub2ImageTests : IDisposable
{
    private const string Config = "search.fs_uuid 11111111-2222-3333-4444-555555555555 root\nset prefix=($root)/boot/grub\n";
    private readonly ScratchDirectory _scratch = new();

    public static TheoryData<string, string, string?> Recipes => new()
    {
        { string.Join(' ', GrubModules.Full), "/boot/grub", Config },
        { string.Join(' ', GrubModules.Small), "(,msdos1)/boot/grub", Config },
        { "biosdisk part_msdos ext2 normal linux", "/boot/grub", null },
        { "biosdisk", "", "x" },
    };

    [Theory]
    [MemberData(nameof(Recipes))]
    public void The_payload_is_the_one_of_grub_mkimage(string moduleList, string prefix, string? config)
    {
        var modules = moduleList.Split(' ');
        var theirs = GrubWitness.MakeImage(_scratch, modules, prefix, config);
        var watch = Stopwatch.StartNew();
        var ours = Grub2Image.Build(GrubWitness.Files, modules, prefix, config);
        var elapsed = watch.Elapsed;
        var expected = GrubWitness.Unpack(_scratch, theirs);
        var actual = GrubWitness.Unpack(_scratch, ours);
        TestContext.Current.TestOutputHelper?.WriteLine($"{modules.Length} modules, {actual.Length} bytes plain: ours {ours.Length}, grub-mkimage {theirs.Length}, {elapsed.TotalMilliseconds:f0} ms");
        Assert.Equal(expected, actual);
        Assert.InRange(ours.Length, 0, theirs.Length * 103 / 100);

        // Beside the compressed bytes only what counts them may differ.
        var mine = ours[..(512 + 2848)];
        var stub = theirs[..(512 + 2848)];
        foreach (var offset in (int[])[0x1fc, 0x1fd, 0x208, 0x209, 0x20a, 0x20b])
        {
            mine[offset] = stub[offset];
        }

        Assert.Equal(stub, mine);
    }

    [Fact]
    public void The_small_set_fits_before_a_partition_at_sector_63()
        => Assert.InRange(Grub2Image.Build(GrubWitness.Files, GrubModules.Small, "/boot/grub", Config).Length, 1024, 62 * 512);

    [Fact]
    public void The_full_set_exists_in_this_grub()
    {
        var modules = GrubModules.Read(GrubWitness.Files);
        Assert.Equal(GrubModules.Full, modules.Available(GrubModules.Full));
        var closure = modules.Close(GrubModules.Full);
        Assert.Empty(closure.Intersect(["gfxterm", "all_video", "vga", "video_bochs", "video_cirrus", "gfxmenu"]));
    }

    [Fact]
    public void The_same_input_gives_the_same_bytes()
        => Assert.Equal(
            Grub2Image.Build(GrubWitness.Files, GrubModules.Full, "/boot/grub", Config),
            Grub2Image.Build(GrubWitness.Files, GrubModules.Full, "/boot/grub", Config));

    [Fact]
    public void Too_many_modules_are_refused()
    {
        var all = GrubModules.Read(GrubWitness.Files).Names.Where(name => GrubWitness.Files.Exists(name + ".mod")).Order(StringComparer.Ordinal);
        Assert.Equal("GRB005", Assert.Throws<DiagnosticException>(() => Grub2Image.Build(GrubWitness.Files, all, "/boot/grub", null)).Diagnostic.Id);
    }

    [Fact]
    public void An_unknown_module_is_refused()
        => Assert.Equal("GRB004", Assert.Throws<DiagnosticException>(() => Grub2Image.Build(GrubWitness.Files, ["nosuch"], "/", null)).Diagnostic.Id);

    [Fact]
    public void Modules_follow_what_they_need()
    {
        var modules = GrubModules.Parse("a: b c\nb: d\nc: d b\nd:\n"u8, "test");
        Assert.Equal(["d", "b", "c", "a"], modules.Close(["a"]));
        Assert.Equal("GRB003", Assert.Throws<DiagnosticException>(() => GrubModules.Parse("a: b\nb: a\n"u8, "test").Close(["a"])).Diagnostic.Id);
        Assert.Equal("GRB003", Assert.Throws<DiagnosticException>(() => GrubModules.Parse("../a: b\n"u8, "test")).Diagnostic.Id);
        Assert.Equal("GRB004", Assert.Throws<DiagnosticException>(() => GrubModules.Parse("a: ../../etc/passwd\n"u8, "test").Close(["a"])).Diagnostic.Id);
    }

    [Fact]
    public void The_embedded_configuration_holds_plain_commands()
    {
        var config = new GrubEarlyConfig("11111111-2222-3333-4444-555555555555", "/boot/grub");
        Assert.Equal(
            "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n"
            + "search.fs_uuid 11111111-2222-3333-4444-555555555555 root\nset prefix=($root)/boot/grub\n", config.ToText());
        var legacy = config with { SerialPort = null, Continuation = GrubContinuation.LegacyMenu, ConfigurationPath = "/boot/grub/menu.lst" };
        Assert.EndsWith("\nlegacy_configfile ($root)/boot/grub/menu.lst\n", legacy.ToText(), StringComparison.Ordinal);
        var other = config with { Continuation = GrubContinuation.OtherConfiguration, ConfigurationPath = "/boot/grub/rehost.cfg" };
        Assert.EndsWith("\nnormal ($root)/boot/grub/rehost.cfg\n", other.ToText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1234; reboot", "/boot/grub")]
    [InlineData("", "/boot/grub")]
    [InlineData("1234-ABCD", "boot/grub")]
    [InlineData("1234-ABCD", "/boot/grub\nreboot")]
    [InlineData("1234-ABCD", "/boot/$x")]
    public void Values_that_GRUB_would_parse_are_refused(string uuid, string prefix)
        => Assert.Equal("GRB009", Assert.Throws<DiagnosticException>(() => new GrubEarlyConfig(uuid, prefix).ToText()).Diagnostic.Id);

    [Fact]
    public void Damaged_files_are_refused_with_a_diagnostic()
    {
        var random = new Random(20266);
        string[] names = ["kernel.img", "moddep.lst", "diskboot.img", "lzma_decompress.img"];
        for (var round = 0; round < 400; round++)
        {
            var victim = names[round % names.Length];
            var bytes = GrubWitness.Files.Read(victim);
            for (var flips = random.Next(1, 6); flips > 0; flips--)
            {
                // The heads hold what is parsed.
                bytes[random.Next(Math.Min(bytes.Length, 256))] = (byte)random.Next(256);
            }

            bytes = random.Next(5) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
            var files = new GuestGrubFiles("/g", path => Get(path).Length, Get);
            byte[] Get(string path) => Path.GetFileName(path) == victim ? bytes : GrubWitness.Files.Read(Path.GetFileName(path));
            try
            {
                _ = Grub2Image.BuildPayload(files, ["biosdisk"], "/", null);
            }
            catch (DiagnosticException e)
            {
                Assert.StartsWith("GRB", e.Diagnostic.Id, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Random_bytes_as_a_dependency_list_are_refused_or_read()
    {
        var random = new Random(20267);
        for (var round = 0; round < 3000; round++)
        {
            var text = new StringBuilder();
            for (var index = random.Next(60); index > 0; index--)
            {
                text.Append("ab:c \n\0.é"[random.Next(9)]);
            }

            try
            {
                var modules = GrubModules.Parse(Encoding.Latin1.GetBytes(text.ToString()), "test");
                _ = modules.Close(modules.Names);
            }
            catch (DiagnosticException e)
            {
                Assert.Contains(e.Diagnostic.Id, (string[])["GRB003", "GRB004"]);
            }
        }
    }

    public void Dispose() => _scratch.Dispose();
}
