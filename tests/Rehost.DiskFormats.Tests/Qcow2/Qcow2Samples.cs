using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Qcow2;

/// <summary>Content, images made of it, and the comparison of both.</summary>
internal static class Qcow2Samples
{
    public const int Cluster = 65536;

    /// <summary>Opens an image that may refer to files beside it.</summary>
    public static Qcow2Image Open(string path, string? snapshot = null, bool isGuess = false, Action<Diagnostic>? report = null)
        => Qcow2Image.Open(new DiskOpenRequest(FileDevice.OpenRead(path), path) { Directory = HostImageDirectory.Of(path), Snapshot = snapshot, IsFormatGuessed = isGuess, Report = report });

    /// <summary>Makes an image that does not say which format its backing file has; QEMU no longer makes such.</summary>
    public static void RemoveBackingFormat(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var at = bytes.AsSpan().IndexOf<byte>([0xe2, 0x79, 0x2a, 0xca]);
        bytes[at] = 0x11;
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>Compares an image with what qemu-img reads from it.</summary>
    public static void CheckAgainstQemu(ScratchDirectory scratch, string path, string? snapshot = null)
    {
        // QEMU takes the name of a data file relative to where it was started.
        var raw = scratch[$"witness-{Guid.NewGuid():N}.raw"];
        Tool.MustRun("sh", "-c", $"cd {scratch.Path} && qemu-img convert -f qcow2 -O raw {(snapshot is null ? "" : $"-l '{snapshot}'")} {path} {raw}");
        using var image = Open(path, snapshot);
        var content = File.ReadAllBytes(raw);

        // It also gives a snapshot the size that the disk has now.
        Assert.True(snapshot is not null || content.Length == image.Length);
        Check(image, content[..(int)image.Length]);
        File.Delete(raw);
    }

    /// <summary>Opens an image as it is now and compares it.</summary>
    public static void CheckAgainstModel(string path, string? snapshot, byte[] content)
    {
        using var image = Open(path, snapshot);
        Check(image, content);
    }

    public static byte[] WriteToMemory(byte[] content, ImageCompression compression)
    {
        using var scratch = new ScratchDirectory();
        Write(scratch["a"], content, compression, 1);
        return File.ReadAllBytes(scratch["a"]);
    }

    /// <summary>Writes in pieces of random size.</summary>
    public static void Write(string path, byte[] content, ImageCompression compression, int seed) => Write(path, content, new ImageWriterOptions(compression), seed);

    /// <summary>Writes in pieces of random size.</summary>
    public static void Write(string path, byte[] content, ImageWriterOptions options, int seed)
    {
        using var file = CommittedFile.Create(path);
        using var writer = KnownDiskFormats.ByName("qcow2").CreateWriter(file, content.Length, options);
        var random = new Random(seed);
        for (var at = 0; at < content.Length;)
        {
            var count = Math.Min(content.Length - at, random.Next(3) == 0 ? random.Next(1, 3 * Cluster) : 4 * Cluster);
            if (content.AsSpan(at, count).ContainsAnyExcept((byte)0))
            {
                writer.Write(new GuestOffset(at), content.AsSpan(at, count));
            }
            else
            {
                writer.WriteZeros(new GuestOffset(at), count);
            }

            at += count;
        }

        writer.Complete();
        file.Commit();
    }

    public static void Check(IBlockDevice image, byte[] content)
    {
        Assert.Equal(content.Length, image.Length);
        var read = new byte[content.Length];
        image.Read(GuestOffset.Zero, read);
        Assert.True(read.AsSpan().SequenceEqual(content));
        Parallel.For(0, 3, worker =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 40; i++)
            {
                var offset = random.Next(content.Length + 1);
                var part = new byte[random.Next(Math.Min(content.Length - offset, 200_000) + 1)];
                image.Read(new GuestOffset(offset), part);
                Assert.True(part.AsSpan().SequenceEqual(content.AsSpan(offset, part.Length)));
            }
        });
        long position = 0;
        foreach (var extent in image.GetExtents(GuestOffset.Zero, image.Length))
        {
            Assert.Equal(position, extent.Offset);
            Assert.True(extent.Kind == ExtentKind.Data || !content.AsSpan((int)extent.Offset, (int)extent.Length).ContainsAnyExcept((byte)0));
            position = extent.End;
        }

        Assert.Equal(image.Length, position);
    }

    /// <summary>A third zero, a third text-like, a third random, in uneven runs.</summary>
    public static byte[] Content(int length, int seed)
    {
        var random = new Random(seed);
        var content = new byte[length];
        for (var at = 0; at < length;)
        {
            var run = content.AsSpan(at, Math.Min(length - at, random.Next(1, 5 * Cluster)));
            switch (random.Next(3))
            {
                case 0:
                    random.NextBytes(run);
                    break;
                case 1:
                    for (var i = 0; i < run.Length; i++)
                    {
                        run[i] = (byte)("the quick brown fox "[random.Next(5) == 0 ? random.Next(20) : i % 20]);
                    }

                    break;
            }

            at += run.Length;
        }

        return content;
    }
}
