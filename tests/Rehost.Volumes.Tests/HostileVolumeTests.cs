using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes.Luks;
using Rehost.Volumes.Lvm2;
using Rehost.Volumes.Stack;
using Rehost.Volumes.Tests.MdRaid;

namespace Rehost.Volumes.Tests;

/// <summary>Seeded fuzz: whatever the metadata, an answer or a DiagnosticException, in bounded time; checksums are made right again so that the parser behind them is reached.</summary>
public sealed class HostileVolumeTests
{
    [Fact]
    public void Texts_of_volume_groups()
    {
        var random = new Random(41);
        var text = """
            vg { id = "a" seqno = 3 status = ["READ"] flags = [] extent_size = 8 tags = ["x"]
            physical_volumes { pv0 { id = "00000000000000000000000000000000" status = ["ALLOCATABLE"] dev_size = 100 pe_start = 8 pe_count = 10 } }
            logical_volumes {
            a { id = "b" status = ["READ", "WRITE", "VISIBLE"] segment_count = 1 segment1 { start_extent = 0 extent_count = 4 type = "striped" stripe_count = 1 stripes = ["pv0", 1] } }
            b { id = "c" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "striped" stripe_count = 2 stripe_size = 8 stripes = ["pv0", 1, "a", 0] } }
            m { id = "d" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "raid5" stripe_size = 8 raids = ["a", "b", "a", "a", "b", "a"] } }
            n { id = "e" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "mirror" mirrors = ["n", 0, "a", 0] } }
            t { id = "f" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "thin" thin_pool = "p" device_id = 1 } }
            p { id = "g" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "thin-pool" metadata = "a" pool = "b" chunk_size = 128 } } } }
            """u8.ToArray();
        string[] numbers = ["0", "-1", "9223372036854775807", "1099511627776", "4294967295", "99999999999999999999"];
        for (var round = 0; round < 4000; round++)
        {
            var bytes = text.ToList();
            for (var i = random.Next(4); i >= 0; i--)
            {
                var at = random.Next(bytes.Count);
                switch (random.Next(4))
                {
                    case 0:
                        bytes[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        bytes.RemoveRange(at, Math.Min(random.Next(30), bytes.Count - at));
                        break;
                    case 2:
                        bytes.InsertRange(at, bytes.Skip(random.Next(bytes.Count)).Take(random.Next(60)).ToList());
                        break;
                    default:
                        var digit = bytes.FindIndex(at, one => char.IsAsciiDigit((char)one));
                        if (digit >= 0)
                        {
                            bytes.RemoveAt(digit);
                            bytes.InsertRange(digit, Encoding.ASCII.GetBytes(numbers[random.Next(numbers.Length)]));
                        }

                        break;
                }
            }

            Tolerate(() =>
            {
                var group = VolumeGroup.Read(bytes.ToArray());
                using var disk = new MemoryDevice(new byte[64 << 10]);
                var builder = new LogicalVolumeBuilder(group, group.PhysicalVolumes.DistinctBy(one => one.Name).ToDictionary(one => one.Name, _ => (IBlockDevice)disk));
                foreach (var volume in group.LogicalVolumes)
                {
                    if (builder.Build(volume.Name).Device is { Length: > 0 } device)
                    {
                        Probe(device);
                    }
                }

                foreach (var range in FreeExtents.Of(group, [.. group.PhysicalVolumes.DistinctBy(one => one.Name)]).SelectMany(one => one))
                {
                    Assert.True(range.Length > 0 && range.Offset >= 0);
                }
            });
        }
    }

    [Fact]
    public void Deep_and_endless_texts()
    {
        foreach (var text in (string[])[string.Concat(Enumerable.Repeat("a {", 100_000)), "a = [" + string.Concat(Enumerable.Repeat("1,", 3_000_000)), "\"", "a = \"\\", "}", "a", "a =", "# only a comment"])
        {
            Assert.Equal("VOL005", Assert.Throws<DiagnosticException>(() => VolumeGroup.Read(Encoding.ASCII.GetBytes(text))).Diagnostic.Id);
        }
    }

    [Fact]
    public void Labels_and_metadata_areas()
    {
        using var disks = new LvmDisks(1, 4 << 20);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "64k");
        disks.MakeVolume("vg", "-n", "root", "-l", "3");
        disks.Detach();
        var whole = File.ReadAllBytes(disks.Images[0]);
        var random = new Random(42);
        for (var round = 0; round < 600; round++)
        {
            var bytes = (byte[])whole.Clone();
            var label = bytes.AsSpan(512, 512);
            var area = bytes.AsSpan(4096, 512);
            Scramble(random, label[20..128]);
            Scramble(random, area[20..80]);
            if (random.Next(8) != 0)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(label[16..], LvmChecksum.Of(label[20..]));
                BinaryPrimitives.WriteUInt32LittleEndian(area, LvmChecksum.Of(area[4..]));
            }

            Assemble(random.Next(10) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
        }
    }

    [Fact]
    public void Superblocks_of_arrays()
    {
        var random = new Random(43);
        using var scratch = new ScratchDirectory();
        foreach (var version in (string[])["1.2", "1.0", "0.90"])
        {
            foreach (var level in (int[])[0, 1, 5, 6, 10, -1])
            {
                var images = new MdImage { Version = version, Level = level, Devices = 4, Layout = level == 10 ? 0x102u : 2, Used = 1 << 20 }.Make(scratch, $"{version}{level}").Select(File.ReadAllBytes).ToList();
                for (var round = 0; round < 60; round++)
                {
                    var copies = images.Select(image => (byte[])image.Clone()).ToList();
                    foreach (var copy in copies)
                    {
                        var at = version switch
                        {
                            "1.2" => 4096,
                            "1.0" => (int)(((copy.Length / 512) - 16 & ~7L) * 512),
                            _ => (copy.Length & ~65535) - 65536,
                        };
                        var block = copy.AsSpan(at, version == "0.90" ? 4096 : 512);
                        Scramble(random, version == "0.90" ? block[..300] : block[8..300]);
                        Seal(block, version);
                    }

                    Assemble([.. copies.Take(random.Next(1, 5))]);
                }
            }
        }
    }

    [Fact]
    public void Headers_of_encrypted_volumes()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["key"], "k");
        var random = new Random(44);
        foreach (var type in (string[])["luks1", "luks2"])
        {
            using (var file = File.Create(scratch["image"]))
            {
                file.SetLength(17 << 20);
            }

            Tool.MustRun("cryptsetup", "luksFormat", "-q", "--type", type, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", scratch["image"], scratch["key"]);
            var whole = File.ReadAllBytes(scratch["image"]).AsSpan(0, 64 << 10).ToArray();
            for (var round = 0; round < 1500; round++)
            {
                var bytes = (byte[])whole.Clone();
                var header = bytes.AsSpan(0, type == "luks1" ? 592 : 16384);
                if (type == "luks1")
                {
                    Scramble(random, header[6..]);
                }
                else
                {
                    for (var i = random.Next(4); i >= 0; i--)
                    {
                        header[4096 + random.Next(1200)] = (byte)"0123456789\"{}[],:a-"[random.Next(19)];
                    }

                    Scramble(random, header[8..28]);
                    header.Slice(448, 64).Clear();
                    System.Security.Cryptography.SHA256.HashData(header).CopyTo(header[448..]);
                }

                // The header alone: trying a key on one that asks for much would take as long as it says, within the limits.
                Tolerate(() => _ = LuksFormat.Read(new MemoryDevice(bytes)));
            }
        }
    }

    private static void Assemble(params byte[][] disks)
        => Tolerate(() =>
        {
            var stack = VolumeStack.Assemble([.. disks.Select((bytes, index) => new StackDisk("sd" + (char)('a' + index), new MemoryDevice(bytes)))]);
            foreach (var node in stack.Nodes.Where(node => node.Kind is VolumeKind.LogicalVolume or VolumeKind.MdArray))
            {
                Tolerate(() => Probe(node.Device));
            }
        });

    private static void Probe(IBlockDevice device)
    {
        var buffer = new byte[(int)Math.Min(4096, device.Length)];
        Tolerate(() => device.Read(GuestOffset.Zero, buffer));
        Tolerate(() => device.Read(new GuestOffset(device.Length - buffer.Length), buffer));
        Tolerate(() => device.Write(new GuestOffset(device.Length - buffer.Length), buffer));
    }

    private static void Tolerate(Action action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException)
        {
        }
    }

    private static void Scramble(Random random, Span<byte> bytes)
    {
        for (var i = random.Next(4); i > 0; i--)
        {
            var at = random.Next(bytes.Length - 8) & ~3;
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    BinaryPrimitives.WriteInt64LittleEndian(bytes[at..], -1);
                    break;
                case 2:
                    BinaryPrimitives.WriteInt64LittleEndian(bytes[at..], random.NextInt64());
                    break;
                default:
                    BinaryPrimitives.WriteInt32LittleEndian(bytes[at..], random.Next(70_000));
                    break;
            }
        }
    }

    private static void Seal(Span<byte> block, string version)
    {
        var place = version == "0.90" ? 152 : 216;
        block.Slice(place, 4).Clear();
        var roles = version == "0.90" ? block.Length : 256 + (2 * (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(block[220..]), 128));
        ulong sum = 0;
        for (var i = 0; i + 4 <= roles; i += 4)
        {
            sum += BinaryPrimitives.ReadUInt32LittleEndian(block[i..]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block[place..], (uint)((sum & 0xffffffff) + (sum >> 32) & 0xffffffff));
    }
}
