using System.Collections.Immutable;
using System.Text;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.DiskFormats.Tests.Vhd;
using Rehost.DiskFormats.Tests.Vhdx;
using Rehost.DiskFormats.Tests.Vdi;
using Rehost.DiskFormats.Tests.Vmdk;
using Rehost.DiskFormats.Tests.Xva;
using Rehost.DiskFormats.Xva;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seals;
using Rehost.Fuzz.Seeds;

namespace Rehost.Fuzz.Targets;

/// <summary>Containers of disks: opened, read here and there, checked.</summary>
internal static class ContainerTargets
{
    private const string Content = "head -c 300k /dev/urandom > raw; truncate -s 2M raw; printf guest | dd of=raw bs=1 seek=1900000 conv=notrunc status=none; ";
    private static readonly Guid LogId = new("01234567-89ab-cdef-0123-456789abcdef");

    public static IEnumerable<FuzzTarget> All =>
    [
        Image("qcow2", Qcow2Seeds, null, "Qcow2Header", "Qcow2Extensions", "Qcow2Bitmap", "Qcow2Image", "Qcow2Metadata", "Qcow2References", "Qcow2Snapshot", "DeflateLibrary", "ZstdLibrary"),
        Image("vmdk", VmdkSeeds, null, "VmdkCowdHeader", "VmdkDescriptor", "VmdkExtentLine", "VmdkHeader", "VmdkImage", "VmdkMarker", "VmdkScannedMap", "VmdkSeSparseHeader"),
        Image("vhd", VhdSeeds, ContainerSeals.Vhd, "VhdBatmap", "VhdDynamicHeader", "VhdFooter", "VhdImage", "VhdParentLocator", "VhdParents", "VhdStructure"),
        Image("vhdx", VhdxSeeds, ContainerSeals.Vhdx, "VhdxHeader", "VhdxImage", "VhdxLogEntry", "VhdxMetadata", "VhdxParentLocator", "VhdxParents", "VhdxRegionTable"),
        Image("vdi", VdiSeeds, null, "VdiHeader", "VdiImage", "VdiParents"),
        new("xva-stream", XvaSeeds, RunXvaStream) { Covers = ["XvaStream"], Seal = ContainerSeals.Tar, IsElastic = false, Weight = 2, SmokeExecutions = 40 },
        new("xva", XvaSeeds, RunXva) { Covers = ["XvaFormat", "XvaArchive", "XvaChecksumTable"], Seal = ContainerSeals.Tar, IsElastic = false, Weight = 2, SmokeExecutions = 40 },
        new("tar", TarSeeds, RunTar) { Covers = ["TarImageDirectory", "OvaFormat"], Seal = ContainerSeals.Tar },
        new("format-detection", DetectionSeeds, RunDetection) { Covers = ["KnownDiskFormats", "RawFormat", "OvfFormat", "CompressedFile", "CompressedContent"], Weight = 1, SmokeExecutions = 60 },
    ];

    private static FuzzTarget Image(string format, Func<SeedRoom, IEnumerable<FuzzSeed>> seeds, Action<ImageBuffer>? seal, params string[] covers)
        => new(format, seeds, run => RunImage(run, format)) { Covers = [.. covers, char.ToUpperInvariant(format[0]) + format[1..] + "Format"], Seal = seal, Weight = 4, SmokeExecutions = 40, KeptHead = 16 };

    private static void RunImage(FuzzRun run, string format)
    {
        var places = Parts.Find(run.Bytes);
        var directory = new PartDirectory(run, places);
        DiskOpenRequest Request() => new(run.Device(places[0].Start, places[0].Length), "0." + format) { Directory = directory };
        run.Attempt(() =>
        {
            using var image = KnownDiskFormats.ByName(format).Open(Request());
            if (image is IDiskImage described)
            {
                run.Note("properties", described.Info.Properties.Length);
                foreach (var snapshot in described.Info.Snapshots.Take(4))
                {
                    run.Attempt(() =>
                    {
                        using var old = KnownDiskFormats.ByName(format).Open(Request() with { Snapshot = snapshot.Id });
                        DeviceUse.ReadSome(run, old);
                    });
                }
            }

            DeviceUse.ReadSome(run, image);
        });
        run.Attempt(() => run.Note("findings", KnownDiskFormats.ByName(format).Check(Request(), run.CancellationToken).Findings.Length));
    }

    private static IEnumerable<FuzzSeed> Qcow2Seeds(SeedRoom room)
    {
        room.Shell(Content);
        (string Name, string Script)[] kinds =
        [
            ("v3", "qemu-img convert -f raw -O qcow2 raw out"),
            ("v2", "qemu-img convert -f raw -O qcow2 -o compat=0.10,cluster_size=4k raw out"),
            ("zlib", "qemu-img convert -c -f raw -O qcow2 -o cluster_size=4k raw out"),
            ("zstd", "qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd,cluster_size=8k raw out"),
            ("extended L2", "qemu-img convert -f raw -O qcow2 -o extended_l2=on,cluster_size=16k raw out"),
            ("snapshots", "qemu-img convert -f raw -O qcow2 -o cluster_size=4k raw out; qemu-img snapshot -c one out; qemu-io -f qcow2 -c 'write -P 3 5000 40000' out >&2; qemu-img snapshot -c two out"),
            ("bitmap", "qemu-img create -q -f qcow2 -o cluster_size=4k out 2M; qemu-img bitmap --add out b0; qemu-io -f qcow2 -c 'write -P 3 5000 40000' out >&2"),
            ("refcount 1 bit", "qemu-img convert -f raw -O qcow2 -o refcount_bits=1,cluster_size=4k raw out"),
        ];
        foreach (var (name, script) in kinds)
        {
            yield return new FuzzSeed(name, Parts.Pack(room.Make(name, script).Content));
        }

        room.Shell("qemu-img create -q -f qcow2 -o cluster_size=4k 1.qcow2 2M; qemu-io -f qcow2 -c 'write -P 3 0 40000' 1.qcow2 >&2; qemu-img create -q -f qcow2 -b 1.qcow2 -F qcow2 -o cluster_size=4k 0.qcow2; qemu-io -f qcow2 -c 'write -P 4 8000 8000' 0.qcow2 >&2");
        yield return new FuzzSeed("chain", Parts.Pack(room.Read("0.qcow2"), room.Read("1.qcow2")));
        room.Shell("qemu-img create -q -f qcow2 -o cluster_size=4k,data_file=1.raw,data_file_raw=on d.qcow2 128k; qemu-io -f qcow2 -c 'write -P 3 0 40000' d.qcow2 >&2");
        yield return new FuzzSeed("data file", Parts.Pack(room.Read("d.qcow2"), room.Read("1.raw")));
    }

    private static IEnumerable<FuzzSeed> VmdkSeeds(SeedRoom room)
    {
        room.Shell(Content);
        foreach (var kind in (string[])["monolithicSparse", "streamOptimized"])
        {
            yield return new FuzzSeed(kind, Parts.Pack(room.Make(kind, $"qemu-img convert -f raw -O vmdk -o subformat={kind} raw out").Content));
        }

        var raw = room.Read("raw").AsSpan(0, 256 << 10).ToArray();
        var flat = VmdkBuilder.Descriptor("twoGbMaxExtentFlat", "01234567", "ffffffff", "RW 200 FLAT \"1.vmdk\" 0", "RW 100 ZERO", "RW 200 FLAT \"1.vmdk\" 200");
        yield return new FuzzSeed("flat", Parts.Pack(Encoding.UTF8.GetBytes(flat), raw));
        var sparse = VmdkBuilder.Descriptor("vmfsSparse", "01234567", "ffffffff", "RW 512 VMFSSPARSE \"1.vmdk\"");
        yield return new FuzzSeed("COWD", Parts.Pack(Encoding.UTF8.GetBytes(sparse), VmdkBuilder.Cowd(raw, grain => grain % 2 == 0)));
        var se = VmdkBuilder.Descriptor("seSparse", "01234567", "ffffffff", "RW 512 SESPARSE \"1.vmdk\"");
        yield return new FuzzSeed("SESparse", Parts.Pack(Encoding.UTF8.GetBytes(se), VmdkBuilder.SeSparse(raw, grain => grain % 4)));
        var child = VmdkBuilder.Descriptor("monolithicFlat", "89abcdef", "01234567", "parentFileNameHint=\"2.vmdk\"", "RW 512 FLAT \"1.vmdk\" 0");
        yield return new FuzzSeed("parent", Parts.Pack(Encoding.UTF8.GetBytes(child), raw, Encoding.UTF8.GetBytes(flat)));
    }

    private static IEnumerable<FuzzSeed> VhdSeeds(SeedRoom room)
    {
        room.Shell(Content);
        var dynamic = room.Make("dynamic", "qemu-img convert -f raw -O vpc raw out").Content;
        yield return new FuzzSeed("dynamic", Parts.Pack(dynamic));
        yield return new FuzzSeed("fixed", Parts.Pack(room.Make("fixed", "head -c 128k raw > small; qemu-img convert -f raw -O vpc -o subformat=fixed small out").Content));
        var builder = new VhdBuilder(dynamic.AsSpan(0, 512).ToArray(), 9) { ParentName = "1.vhd" };
        builder.Put(3, new byte[512]);
        builder.Locate("W2ru", ".\\1.vhd");
        yield return new FuzzSeed("differencing", Parts.Pack(builder.Build(), dynamic));
    }

    private static IEnumerable<FuzzSeed> VhdxSeeds(SeedRoom room)
    {
        room.Shell(Content);
        yield return new FuzzSeed("dynamic", Parts.Pack(room.Make("dynamic", "qemu-img convert -f raw -O vhdx -o block_size=1M,log_size=1M raw out").Content));
        var builder = new VhdxBuilder { Size = 3 << 20 };
        builder.Put(0, new byte[700_000]);
        var image = builder.Build();
        yield return new FuzzSeed("built", Parts.Pack(image));
        var logged = (byte[])image.Clone();
        builder.PutHeaders(logged, LogId, 9);
        VhdxBuilder.PutInLog(logged, 0, VhdxBuilder.LogEntry(LogId, 1, 0, logged.Length, (VhdxBuilder.BatAt, logged.AsSpan(VhdxBuilder.BatAt, 4096).ToArray()), (VhdxBuilder.BatAt + 4096, null)));
        yield return new FuzzSeed("log", Parts.Pack(logged));
        var child = new VhdxBuilder { Size = 3 << 20, Id = 0x20 };
        child.Parent.Add(("parent_linkage", VhdxBuilder.Linkage(image)));
        child.Parent.Add(("relative_path", ".\\1.vhdx"));
        child.Put(1, new byte[512]);
        yield return new FuzzSeed("child", Parts.Pack(child.Build(), image));
    }

    private static IEnumerable<FuzzSeed> VdiSeeds(SeedRoom room)
    {
        room.Shell(Content);
        yield return new FuzzSeed("dynamic", Parts.Pack(room.Make("dynamic", "qemu-img convert -f raw -O vdi raw out").Content));
        yield return new FuzzSeed("static", Parts.Pack(room.Make("static", "head -c 1M raw > small; qemu-img convert -f raw -O vdi -o static=on small out").Content));
        room.Shell("qemu-img convert -f raw -O vdi raw 1.vdi");
        var builder = new VdiBuilder(room["1.vdi"]);
        builder.Put(0, new byte[1 << 20]);
        builder.Discard(1);
        yield return new FuzzSeed("child", Parts.Pack(builder.Build(), room.Read("1.vdi")));
    }

    private static IEnumerable<FuzzSeed> XvaSeeds(SeedRoom room)
    {
        var content = new byte[(2 << 20) + 5000];
        new Random(3).NextBytes(content.AsSpan(0, 9000));
        yield return new FuzzSeed("xxhash", new XvaBuilder().Disk("Ref:4", content).End());
        yield return new FuzzSeed("sha1", new XvaBuilder().Disk("Ref:4", content.AsSpan(0, 5000).ToArray(), sha1: true).Disk("Ref:9", content, sha1: true, keepAliveBefore: [1]).End());
        yield return new FuzzSeed("small", new XvaBuilder().Disk("Ref:4", new byte[3000]).End());
        File.WriteAllBytes(room["xva"], new XvaBuilder().Disk("Ref:4", content).End());
        yield return room.Make("gzip", "gzip -c xva > out");
        yield return room.Make("zstd", "zstd -qc xva > out");
    }

    private static void RunXvaStream(FuzzRun run) => run.Attempt(() =>
    {
        using var stream = new MemoryStream(run.Bytes);
        run.Note("disks", XvaStream.Read(stream, "a.xva", new PassingDisks(), run.CancellationToken).Count);
    });

    private static void RunXva(FuzzRun run)
    {
        run.Attempt(() =>
        {
            using var archive = XvaArchive.Open(run.Device(), "a.xva", ownsFile: true, scratchDirectory: null, run.CancellationToken);
            run.Note("disks", archive.DiskIds.Count);
            _ = archive.ImportFaults;
            foreach (var id in archive.DiskIds.Take(4))
            {
                run.Attempt(() =>
                {
                    using var disk = archive.OpenDisk(id, null);
                    DeviceUse.ReadSome(run, disk);
                });
            }
        });
        run.Attempt(() => KnownDiskFormats.ByName("xva").Check(new DiskOpenRequest(run.Device(), "a.xva") { DiskId = "Ref:4" }, run.CancellationToken));
    }

    private static IEnumerable<FuzzSeed> TarSeeds(SeedRoom room)
    {
        room.Shell("mkdir d; echo content > d/a.ovf; head -c 3000 /dev/zero > d/disk.vmdk; ln -s a.ovf d/link; ln d/a.ovf d/hard; n=d/$(printf 'long%.0s' $(seq 40)); echo x > $n");
        yield return room.Make("gnu", "tar --format=gnu -cf out d");
        yield return room.Make("pax", "tar --format=pax -cf out d");
        yield return room.Make("ustar", "tar --format=ustar -cf out d/a.ovf d/disk.vmdk");
        yield return room.Make("v7", "tar --format=v7 -cf out d/a.ovf d/disk.vmdk");
        yield return room.Make("sparse", "truncate -s 1M d/s; printf x | dd of=d/s bs=1 seek=500000 conv=notrunc status=none; tar --format=pax -S -cf out d/s d/a.ovf");
    }

    private static void RunTar(FuzzRun run)
    {
        var directory = TarImageDirectory.Open(run.Device(), "a.ova", run.CancellationToken);
        run.Note("names", directory.Names.Count);
        foreach (var name in directory.Names.Take(50))
        {
            run.Attempt(() =>
            {
                using var file = directory.Open(name).File;
                var bytes = new byte[(int)Math.Min(file.Length, 5000)];
                file.Read(GuestOffset.Zero, bytes);
            });
        }
    }

    private static IEnumerable<FuzzSeed> DetectionSeeds(SeedRoom room)
    {
        room.Shell("head -c 20k /dev/urandom > raw; truncate -s 64k raw");
        foreach (var format in (string[])["qcow2", "vmdk", "vpc", "vhdx", "vdi", "raw"])
        {
            yield return new FuzzSeed(format, room.Make(format, $"qemu-img convert -f raw -O {format} raw out").Content.AsSpan() is { Length: > 200_000 } large ? large[..200_000].ToArray() : room.Read("out"));
        }

        yield return FuzzSeed.Of("vmdk text", VmdkBuilder.Descriptor("monolithicFlat", "01234567", "ffffffff", "RW 512 FLAT \"1.vmdk\" 0"));
        yield return FuzzSeed.Of("ovf", "<?xml version=\"1.0\"?><Envelope xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\"/>");
        yield return room.Make("tar", "echo x > a.ovf; tar cf out a.ovf");
        yield return room.Make("gzip", "gzip -c raw > out");
        yield return room.Make("xva.gz", "echo x > ova.xml; tar c ova.xml | gzip -c > out");
    }

    private static void RunDetection(FuzzRun run)
    {
        var format = KnownDiskFormats.Identify(run.Device());
        run.Note(format.Name, 1);
        foreach (var one in (ImmutableArray<IDiskFormat>)[format, KnownDiskFormats.ByName("raw")])
        {
            run.Attempt(() =>
            {
                using var disk = one.Open(new DiskOpenRequest(run.Device(), "guess") { IsFormatGuessed = true });
                DeviceUse.ReadSome(run, disk);
            });
        }

        run.Attempt(() =>
        {
            using var content = Rehost.DiskFormats.Compression.CompressedFile.OpenGzip(run.Device(), "a.gz", 1 << 20, run.CancellationToken);
            DeviceUse.ReadSome(run, content);
        });
    }

    // Takes what comes, and looks that it comes in order.
    private sealed class PassingDisks : IXvaReceiver
    {
        private readonly Dictionary<string, long> _ends = new(StringComparer.Ordinal);

        public void Describe(ReadOnlyMemory<byte> ovaXml)
        {
        }

        public void Receive(string disk, long position, ReadOnlySpan<byte> data)
        {
            if (position < _ends.GetValueOrDefault(disk))
            {
                throw new InvalidOperationException($"{disk} goes back to {position}");
            }

            _ends[disk] = position + data.Length;
        }
    }
}
