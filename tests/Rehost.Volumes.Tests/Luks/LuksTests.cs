using System.Text;
using Rehost.Blocks;
using Rehost.Testing;
using Rehost.Volumes.Luks;
using Rehost.Volumes.Luks.Cryptography;

namespace Rehost.Volumes.Tests.Luks;

/// <summary>Volumes that cryptsetup and qemu-img encrypted are read; what is written into one is read by GRUB and qemu-img.</summary>
public sealed class LuksTests
{
    private const string Passphrase = "correct horse";

    [Theory]
    [InlineData("argon2id", "aes-xts-plain64", 512, 512)]
    [InlineData("argon2i", "aes-xts-plain64", 256, 4096)]
    [InlineData("pbkdf2", "aes-cbc-essiv:sha256", 256, 512)]
    [InlineData("pbkdf2", "aes-cbc-plain64", 128, 512)]
    public void What_cryptsetup_encrypts_is_read(string function, string cipher, int bits, int sectorSize)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["key"], Passphrase);
        var plain = new byte[6 << 20];
        new Random(bits).NextBytes(plain);
        var image = scratch["image"];
        using (var file = File.Create(image))
        {
            file.Write(plain);
            file.SetLength(38 << 20);
        }

        var costs = function == "pbkdf2" ? "--pbkdf-force-iterations=1000" : "--pbkdf-force-iterations=4";
        string[] memory = function == "pbkdf2" ? [] : ["--pbkdf-memory=4096", "--pbkdf-parallel=2"];
        Tool.MustRun("cryptsetup", ["reencrypt", "--encrypt", "-q", "--type", "luks2", "--force-offline-reencrypt", "--reduce-device-size", "32M", "--pbkdf", function, costs, .. memory,
            "-c", cipher, "-s", bits.ToString(System.Globalization.CultureInfo.InvariantCulture), "--sector-size", sectorSize.ToString(System.Globalization.CultureInfo.InvariantCulture), "--key-file", scratch["key"], image]);
        using var bench = new StackBench([image], Key(Passphrase));

        var volume = bench.Stack.Nodes[1];
        Assert.Empty(bench.Stack.Findings);
        Assert.Equal($"LUKS2, {cipher}", volume.Layout);
        Assert.Equal("crypto_LUKS", bench["sda"].MemberType);
        Assert.Equal(volume.Name, bench["sda"].PartOf);
        var read = new byte[plain.Length];
        volume.Device.Read(GuestOffset.Zero, read);
        Assert.True(plain.AsSpan().SequenceEqual(read));
    }

    [Theory]
    [InlineData("luks1", "aes-xts-plain64", 256)]
    [InlineData("luks1", "aes-cbc-essiv:sha256", 256)]
    [InlineData("luks2", "aes-xts-plain64", 512)]
    public void What_is_written_is_read_by_grub(string type, string cipher, int bits)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["key"], Passphrase);
        var image = scratch["image"];
        LvmDisks.Junk(image, 24 << 20, 3);
        Tool.MustRun("cryptsetup", "luksFormat", "-q", "--type", type, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "-c", cipher, "-s",
            bits.ToString(System.Globalization.CultureInfo.InvariantCulture), image, scratch["key"]);
        var fileSystem = scratch["fs"];
        string uuid;
        using (var bench = new StackBench([image], Key(Passphrase + "\n")))
        {
            var volume = bench.Stack.Nodes[1];
            uuid = volume.Uuid ?? "";
            StackBench.MakeFileSystem(fileSystem, volume.Device.Length, bits);
            StackBench.Fill(volume.Device, fileSystem, bits);
        }

        for (var i = 0; i < 3; i++)
        {
            Tool.MustRun("debugfs", "-R", $"dump /file{i} {scratch["local"]}", fileSystem);
            var result = Tool.RunWithInput("grub-fstest", Encoding.UTF8.GetBytes(Passphrase + "\n"), "-C", image, "-r", $"cryptouuid/{uuid.Replace("-", "", StringComparison.Ordinal)}", "cmp", $"/file{i}", scratch["local"]);
            Assert.True(result.ExitCode == 0, result.Output + result.Error);
        }
    }

    [Fact]
    public void Qemu_and_we_read_each_other()
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        var plain = new byte[3 << 20];
        new Random(5).NextBytes(plain);
        File.WriteAllBytes(scratch["plain"], plain);
        Tool.MustRun("qemu-img", "convert", "--object", $"secret,id=s,data={Passphrase}", "-O", "luks", "-o", "key-secret=s,iter-time=10,hash-alg=sha512", scratch["plain"], image);
        using (var bench = new StackBench([image], Key(Passphrase)))
        {
            var device = bench.Stack.Nodes[1].Device;
            var read = new byte[plain.Length];
            device.Read(GuestOffset.Zero, read);
            Assert.True(plain.AsSpan().SequenceEqual(read));

            // Any place and length: sectors are completed from what is there.
            var random = new Random(6);
            for (var i = 0; i < 200; i++)
            {
                var piece = new byte[random.Next(1, 3000)];
                random.NextBytes(piece);
                var at = random.Next(plain.Length - piece.Length);
                device.Write(new GuestOffset(at), piece);
                piece.CopyTo(plain, at);
            }

            device.WriteZeros(new GuestOffset(1000), 300_000);
            plain.AsSpan(1000, 300_000).Clear();
        }

        Tool.MustRun("qemu-img", "convert", "--object", $"secret,id=s,data={Passphrase}", "--image-opts", $"driver=luks,key-secret=s,file.filename={image}", "-O", "raw", scratch["back"]);
        Assert.True(plain.AsSpan().SequenceEqual(File.ReadAllBytes(scratch["back"])));
    }

    [Fact]
    public void No_key_a_wrong_key_and_states_that_are_not_read()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["key"], Passphrase);
        var image = scratch["image"];
        LvmDisks.Junk(image, 20 << 20, 3);
        Tool.MustRun("cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", image, scratch["key"]);
        Assert.Equal(["LUK001"], Findings(image, null));
        Assert.Equal(["LUK002"], Findings(image, Key("wrong")));
        using (var keys = new VolumeKeys())
        {
            keys.Add("sdz", Encoding.UTF8.GetBytes(Passphrase));
            Assert.Equal(["LUK001"], Findings(image, keys));
            keys.Add("/dev/sda", Encoding.UTF8.GetBytes(Passphrase));
            Assert.Empty(Findings(image, keys));
        }

        // The first copy of the header is damaged: the second one counts.
        using (var file = File.OpenWrite(image))
        {
            file.Position = 5000;
            file.Write("damage"u8);
        }

        Assert.Empty(Findings(image, Key(Passphrase)));
        using (var file = File.OpenWrite(image))
        {
            file.Position = 16384 + 5000;
            file.Write("damage"u8);
        }

        Assert.Equal(["VOL005"], Findings(image, Key(Passphrase)));
        LvmDisks.Junk(image, 20 << 20, 3);
        Tool.MustRun("cryptsetup", "luksFormat", "-q", "--type", "luks1", "--pbkdf-force-iterations", "1000", image, scratch["key"]);
        using (var file = File.OpenWrite(image))
        {
            file.Position = 8;
            file.Write("serpent\0"u8);
        }

        Assert.Equal(["VOL001"], Findings(image, Key(Passphrase)));
    }

    [Theory]
    [InlineData(true, 2, 65536, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7")]
    [InlineData(false, 2, 65536, 1, "c1628832147d9720c5bd1cfd61367078729f6dfb6f8fea9ff98158e0d7816ed0")]
    [InlineData(true, 2, 256, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037")]
    [InlineData(false, 2, 256, 2, "4ff5ce2769a1d7f4c8a491df09d41a9fbe90e5eb02155a13e4c01e20cd4eab61")]
    public void Argon2_of_the_reference_implementation(bool isHybrid, int passes, int kibibytes, int lanes, string expected)
    {
        var key = new byte[32];
        Argon2.Derive("password"u8, "somesalt"u8, isHybrid, passes, kibibytes, lanes, key);
        Assert.Equal(expected, Convert.ToHexStringLower(key));
    }

    private static IEnumerable<string> Findings(string image, VolumeKeys? keys)
    {
        using var bench = new StackBench([image], keys);
        return [.. bench.Stack.Findings.Select(finding => finding.Id)];
    }

    private static VolumeKeys Key(string passphrase)
    {
        var keys = new VolumeKeys();
        keys.Add(null, Encoding.UTF8.GetBytes(passphrase));
        return keys;
    }
}
