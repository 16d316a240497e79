using System.Text;
using Rehost.Blocks;
using Rehost.DiskFormats.Vmdk;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vmdk;

/// <summary>What ESX hosts write, built by the test; QEMU reads most of it too and is asked.</summary>
public sealed class VmdkEsxTests
{
    private const int Size = (9 << 20) + 512;

    [Theory]
    [InlineData(1)]
    [InlineData(128)]
    public void CowdDeltasOnAFlatDiskAreReadAsQemuReadsThem(int grainSectors)
    {
        using var scratch = new ScratchDirectory();
        var below = VmdkContent.Make(Size, 1);
        var above = VmdkContent.Make(Size, 2);
        bool IsStored(int grain) => grain % 3 == 1 && (grain < 4096 || grain > 8200);
        WriteBase(scratch, below);
        File.WriteAllBytes(scratch["b-delta.vmdk"], VmdkBuilder.Cowd(above, IsStored, grainSectors));
        File.WriteAllText(scratch["b.vmdk"], VmdkBuilder.Descriptor("vmfsSparse", "00000002", "0000000a", "parentFileNameHint=\"base.vmdk\"", $"RW {Size / 512} VMFSSPARSE \"b-delta.vmdk\""));
        var expected = Merge(below, above, grainSectors * 512, grain => IsStored(grain) ? 3 : 0);
        Expect(scratch, "b", expected, asksQemu: true);
        var bytes = File.ReadAllBytes(scratch["b-delta.vmdk"]);
        Assert.Equal(bytes[..VmdkCowdHeader.Size], VmdkCowdHeader.Parse(bytes, "a").ToBytes());
        Assert.Equal("VMD010", Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["b-delta.vmdk"])).Diagnostic.Id);
    }

    [Fact]
    public void SeSparseDeltasAreReadAsQemuReadsThem()
    {
        using var scratch = new ScratchDirectory();
        const int size = (17 << 20) + 512; // more than one table
        var below = VmdkContent.Make(size, 1);
        var above = VmdkContent.Make(size, 2);
        int Kind(int grain) => grain * 7 % 11 % 4;
        WriteBase(scratch, below);
        File.WriteAllBytes(scratch["b-sesparse.vmdk"], VmdkBuilder.SeSparse(above, Kind));
        File.WriteAllText(scratch["b.vmdk"], VmdkBuilder.Descriptor("seSparse", "00000002", "0000000a", "parentFileNameHint=\"base.vmdk\"", $"RW {size / 512} SESPARSE \"b-sesparse.vmdk\""));
        Expect(scratch, "b", Merge(below, above, VmdkBuilder.SeGrain, Kind), asksQemu: true);
        var bytes = File.ReadAllBytes(scratch["b-sesparse.vmdk"]);
        Assert.Equal(bytes[..VmdkSeSparseHeader.Size], VmdkSeSparseHeader.Parse(bytes, "a").ToBytes());
        Assert.Equal("VMD010", Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["b-sesparse.vmdk"])).Diagnostic.Id);
        bytes[512 + 24] = 1;
        File.WriteAllBytes(scratch["b-sesparse.vmdk"], bytes);
        Assert.Equal("VMD003", Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["b.vmdk"])).Diagnostic.Id);
    }

    [Fact]
    public void ADeltaMayStandOnAnyKind()
    {
        using var scratch = new ScratchDirectory();
        var layers = Enumerable.Range(0, 4).Select(i => VmdkContent.Make(Size, 10 + i)).ToArray();
        File.WriteAllBytes(scratch["a.raw"], layers[0]);
        VmdkContent.Write(scratch["base.vmdk"], layers[0], new ImageWriterOptions());
        var cid = VmdkContent.Open(scratch["base.vmdk"]).Info.Properties.Single(property => property.Name == "cid").Value;
        File.WriteAllBytes(scratch["one-delta.vmdk"], VmdkBuilder.Cowd(layers[1], grain => grain % 5 == 0, 8));
        File.WriteAllText(scratch["one.vmdk"], VmdkBuilder.Descriptor("vmfsSparse", "00000002", cid, "parentFileNameHint=\"/vmfs/volumes/5f/vm/base.vmdk\"", $"RW {Size / 512} VMFSSPARSE \"one-delta.vmdk\""));
        File.WriteAllBytes(scratch["two-sesparse.vmdk"], VmdkBuilder.SeSparse(layers[2], grain => grain % 7 == 0 ? 3 : grain % 7 == 1 ? 2 : 0));
        File.WriteAllText(scratch["two.vmdk"], VmdkBuilder.Descriptor("seSparse", "00000003", "00000002", "parentFileNameHint=\"C:\\Virtual Machines\\one.vmdk\"", $"RW {Size / 512} SESPARSE \"two-sesparse.vmdk\""));
        var expected = Merge(layers[0], layers[1], 4096, grain => grain % 5 == 0 ? 3 : 0);
        expected = Merge(expected, layers[2], 4096, grain => grain % 7 == 0 ? 3 : grain % 7 == 1 ? 2 : 0);
        Expect(scratch, "two", expected, asksQemu: false);
    }

    [Fact]
    public void FlatExtentsStartWhereTheirLineSaysAndZeroExtentsHaveNoFile()
    {
        using var scratch = new ScratchDirectory();
        var data = VmdkContent.Make(Size, 5);
        File.WriteAllBytes(scratch["data.bin"], data);
        string[] flat = ["RW 1000 FLAT \"data.bin\" 3000", "RW 7 FLAT \"data.bin\" 11", "RDONLY 2048 FLAT \"data.bin\""];
        File.WriteAllText(scratch["flat.vmdk"], VmdkBuilder.Descriptor("twoGbMaxExtentFlat", "00000002", "ffffffff", flat).Replace("RDONLY", "RW", StringComparison.Ordinal).Replace("\"data.bin\"\n", "\"data.bin\" 0\n", StringComparison.Ordinal));
        byte[] expected = [.. data.AsSpan(3000 * 512, 1000 * 512), .. data.AsSpan(11 * 512, 7 * 512), .. data.AsSpan(0, 2048 * 512)];
        Expect(scratch, "flat", expected, asksQemu: true);
        File.WriteAllText(scratch["zero.vmdk"], VmdkBuilder.Descriptor("custom", "00000002", "ffffffff", [flat[0], "RW 500 ZERO", flat[1], "NOACCESS 3 FLAT \"gone\" 0", flat[2]]));
        var findings = new List<Diagnostic>();
        using var image = VmdkContent.Open(scratch["zero.vmdk"], findings.Add);
        VmdkContent.Check(image, [.. expected[..(1000 * 512)], .. new byte[500 * 512], .. expected[(1000 * 512)..(1007 * 512)], .. new byte[3 * 512], .. expected[(1007 * 512)..]]);
        Assert.Equal(["VMD015"], findings.Select(finding => finding.Id));
        Assert.Equal(3000 * 512 + 512, image.FindStored(new GuestOffset(512), 1)!.Value.Offset.Value);
    }

    [Fact]
    public void DescriptorsMayBeLongAndInOldEncodings()
    {
        using var scratch = new ScratchDirectory();
        var data = VmdkContent.Make(1 << 20, 5);
        Directory.CreateDirectory(scratch["Täst"]);
        File.WriteAllBytes(scratch["Täst/dätä-flat.vmdk"], data);
        var text = VmdkBuilder.Descriptor("vmfs", "00000002", "ffffffff", "encoding=\"windows-1252\"", "RW 2048 VMFS \"Täst\\dätä-flat.vmdk\"") + string.Concat(Enumerable.Range(0, 2000).Select(i => $"ddb.comment{i} = \"something long that fills the descriptor\"\n"));
        var bytes = CodePagesEncodingProvider.Instance.GetEncoding(1252)!.GetBytes(text.Replace("\n", "\r\n", StringComparison.Ordinal));
        Assert.InRange(bytes.Length, 60_000, 1_000_000);
        File.WriteAllBytes(scratch["a.vmdk"], bytes);
        Expect(scratch, "a", data, asksQemu: false);
        Assert.Equal(bytes, VmdkDescriptor.Parse(bytes, "a").ToBytes());
        File.WriteAllText(scratch["utf.vmdk"], "\ufeff" + text.Replace("windows-1252", "UTF-8", StringComparison.Ordinal), new UTF8Encoding(false));
        Expect(scratch, "utf", data, asksQemu: false);
        File.WriteAllText(scratch["x.vmdk"], text.Replace("windows-1252", "no-such-encoding", StringComparison.Ordinal));
        Expect(scratch, "x", data, asksQemu: false);
        File.WriteAllText(scratch["long.vmdk"], text + new string(' ', VmdkDescriptor.SizeMax));
        Assert.Equal("VMD005", Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["long.vmdk"])).Diagnostic.Id);
    }

    public static TheoryData<string, string, string> Refusals() => new()
    {
        { "RW 8 FLAT \"../x\" 0", "", "BLK006" },
        { "RW 8 FLAT \"..\\\\..\\\\x\" 0", "", "BLK00" },
        { "RW 8 FLAT \"/etc/passwd\" 0", "", "BLK006" },
        { "RW 8 SPARSE \"link\"", "", "BLK006" },
        { "RW 8 FLAT \"a.bin\" 1", "", "VMD009" },
        { "RW 9 FLAT \"a.bin\" 0", "", "VMD009" },
        { "RW 8 FLAT \"a.bin\" 99999999999999999", "", "VMD005" },
        { "RW 8 FLAT", "", "VMD005" },
        { "RW 8 FLAT \"", "", "VMD005" },
        { "RW 8", "", "VMD005" },
        { "RW x FLAT \"a.bin\" 0", "", "VMD005" },
        { "RW 35184372088832 ZERO\nRW 1 ZERO", "", "VMD005" },
        { "RW 99999999999999999999 ZERO", "", "VMD005" },
        { "RW 8 VMFSRDM \"a.bin\"", "", "VMD003" },
        { "RW 8 VSANSPARSE \"a.bin\"", "", "VMD003" },
        { "RW 8 SPARSE \"a.bin\"", "", "VMD001" },
        { "RW 8 VMFSSPARSE \"a.bin\"", "", "VMD001" },
        { "RW 8 SESPARSE \"a.bin\"", "", "VMD001" },
        { "RW 8 FLAT \"a.bin\" 0", "createType=\"fullDevice\"", "VMD003" },
        { "RW 8 FLAT \"a.bin\" 0", "createType=\"partitionedDevice\"", "VMD003" },
        { "RW 8 FLAT \"a.bin\" 0", "createType=\"vmfsRawDeviceMap\"", "VMD003" },
        { "RW 8 FLAT \"a.bin\" 0", "encryptionKeys=\"vmware:key/list/(pair)\"", "VMD004" },
        { "RW 8 FLAT \"a.bin\" 0", "ddb.iofilters = \"vmwarevmcrypt\"", "VMD004" },
        { "RW 8 FLAT \"a.bin\" 0", "version=9", "VMD002" },
        { "RW 8 FLAT \"a.bin\" 0", "parentCID=00000001", "VMD005" },
        { "RW 8 FLAT \"a.bin\" 0", "parentCID=00000001\nparentFileNameHint=\"../gone.vmdk\"", "BLK005" },
        { "RW 8 FLAT \"a.bin\" 0", "parentCID=00000001\nparentFileNameHint=\"/etc/passwd\"", "BLK006" },
        { "RW 8 FLAT \"a.bin\" 0", "parentCID=00000002\nparentFileNameHint=\"a.vmdk\"", "DSK006" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void WhatCannotBeReadIsRefusedByName(string line, string keys, string id)
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["vm"]);
        File.WriteAllBytes(scratch["x"], new byte[8 * 512]);
        File.CreateSymbolicLink(scratch["vm/link"], scratch["x"]);
        File.WriteAllBytes(scratch["vm/a.bin"], new byte[8 * 512]);
        var text = $"# Disk DescriptorFile\n{keys}\nversion=1\nCID=00000002\nparentCID=ffffffff\ncreateType=\"custom\"\n{line}\n";
        File.WriteAllText(scratch["vm/a.vmdk"], text);
        Assert.StartsWith(id, Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["vm/a.vmdk"])).Diagnostic.Id, StringComparison.Ordinal);
    }

    /// <summary>Disks of random extents of every kind, above each other.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void RandomExtentsThroughRandomChains(int seed)
    {
        using var scratch = new ScratchDirectory();
        var random = new Random(seed);
        var sectors = random.Next(3000, 12000);
        var expected = new byte[sectors * 512];
        for (var layer = 0; layer < 3; layer++)
        {
            var lines = new List<string>();
            for (var start = 0; start < sectors;)
            {
                var count = Math.Min(sectors - start, random.Next(1, 4000));
                var name = $"{layer}-{lines.Count}.bin";
                var content = VmdkContent.Make(count * 512, random.Next());
                var place = expected.AsSpan(start * 512, content.Length);
                var mask = random.Next(1, 5);
                var below = place.ToArray();
                switch (random.Next(6))
                {
                    case 0:
                        content.AsSpan().Clear();
                        lines.Add($"RW {count} ZERO");
                        break;
                    case 1:
                        var offset = random.Next(50);
                        File.WriteAllBytes(scratch[name], [.. new byte[offset * 512], .. content]);
                        lines.Add($"RW {count} FLAT \"{name}\" {offset}");
                        break;
                    case 2:
                        File.WriteAllBytes(scratch[name], VmdkBuilder.Cowd(content, grain => grain % mask == 0, 4));
                        lines.Add($"RW {count} VMFSSPARSE \"{name}\"");
                        content = Merge(below, content, 4 * 512, grain => grain % mask == 0 ? 3 : 0);
                        break;
                    case 3:
                        File.WriteAllBytes(scratch[name], VmdkBuilder.SeSparse(content, grain => grain % mask));
                        lines.Add($"RW {count} SESPARSE \"{name}\"");
                        content = Merge(below, content, VmdkBuilder.SeGrain, grain => grain % mask);
                        break;
                    default:
                        VmdkContent.Write(scratch[name], content, new ImageWriterOptions { SubFormat = random.Next(2) == 0 ? null : VmdkSparseWriter.SubFormat, UnitBytes = 4096 << random.Next(5) });
                        using (var alone = VmdkContent.Open(scratch[name]))
                        {
                            // Grains of zeros are not stored: there the parent shows through.
                            foreach (var extent in alone.GetExtents(GuestOffset.Zero, alone.Length).Where(extent => extent.Kind == ExtentKind.Hole))
                            {
                                below.AsSpan((int)extent.Offset, (int)extent.Length).CopyTo(content.AsSpan((int)extent.Offset));
                            }
                        }

                        lines.Add($"RW {count} SPARSE \"{name}\"");
                        break;
                }

                content.CopyTo(place);
                start += count;
            }

            File.WriteAllText(scratch[$"{layer}.vmdk"], VmdkBuilder.Descriptor("custom", $"0000000{layer}", layer == 0 ? "ffffffff" : $"0000000{layer - 1}", [$"parentFileNameHint=\"{layer - 1}.vmdk\"", .. lines]));
            Expect(scratch, $"{layer}", expected, asksQemu: false);
        }
    }

    private static void WriteBase(ScratchDirectory scratch, byte[] content)
    {
        File.WriteAllBytes(scratch["base-flat.vmdk"], content);
        File.WriteAllText(scratch["base.vmdk"], VmdkBuilder.Descriptor("vmfs", "0000000a", "ffffffff", $"RW {content.Length / 512} VMFS \"base-flat.vmdk\""));
    }

    private static void Expect(ScratchDirectory scratch, string name, byte[] expected, bool asksQemu)
    {
        using var image = VmdkContent.Open(scratch[$"{name}.vmdk"]);
        VmdkContent.Check(image, expected);
        var report = KnownDiskFormats.ByName("vmdk").Check(VmdkContent.Request(scratch[$"{name}.vmdk"]), CancellationToken.None);
        Assert.True(report.IsSound, string.Join("\n", report.Findings));
        if (asksQemu)
        {
            Tool.MustRun("qemu-img", "convert", "-f", "vmdk", "-O", "raw", scratch[$"{name}.vmdk"], scratch[$"{name}.qemu"]);
            Assert.True(File.ReadAllBytes(scratch[$"{name}.qemu"]).AsSpan().SequenceEqual(expected));
        }
    }

    private static byte[] Merge(byte[] below, byte[] above, int grainBytes, Func<int, int> kind)
    {
        var merged = (byte[])below.Clone();
        for (var at = 0; at < merged.Length; at += grainBytes)
        {
            var part = merged.AsSpan(at, Math.Min(grainBytes, merged.Length - at));
            switch (kind(at / grainBytes))
            {
                case 1 or 2:
                    part.Clear();
                    break;
                case 3:
                    above.AsSpan(at, part.Length).CopyTo(part);
                    break;
            }
        }

        return merged;
    }
}
