using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Tests.Vmdk;

/// <summary>Content, and the comparison of an image with it.</summary>
internal static class VmdkContent
{
    public const int Grain = 65536;

    /// <summary>A third zero, a third text-like, a third random, in uneven runs.</summary>
    public static byte[] Make(int length, int seed)
    {
        var random = new Random(seed);
        var content = new byte[length];
        for (var at = 0; at < length;)
        {
            var run = content.AsSpan(at, Math.Min(length - at, random.Next(1, 5 * Grain)));
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

    public static DiskOpenRequest Request(string path, Action<Diagnostic>? report = null)
        => new(FileDevice.OpenRead(path), path) { Directory = HostImageDirectory.Of(path), Report = report };

    public static IDiskImage Open(string path, Action<Diagnostic>? report = null) => (IDiskImage)KnownDiskFormats.ByName("vmdk").Open(Request(path, report));

    /// <summary>Writes in pieces of random size.</summary>
    public static void Write(string path, byte[] content, ImageWriterOptions options, int seed = 1)
    {
        using var file = CommittedFile.Create(path);
        using var writer = KnownDiskFormats.ByName("vmdk").CreateWriter(file, content.Length, options);
        var random = new Random(seed);
        for (var at = 0; at < content.Length;)
        {
            var count = Math.Min(content.Length - at, random.Next(3) == 0 ? random.Next(1, 3 * Grain) : 4 * Grain);
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

    /// <summary>Reads an image whole, in parts, from several threads, by its extents and by where its bytes are stored.</summary>
    public static void Check(IBlockDevice image, byte[] content)
    {
        Assert.Equal(content.Length, image.Length);
        var read = new byte[content.Length];
        read.AsSpan().Fill(0xee);
        image.Read(GuestOffset.Zero, read);
        Assert.Equal(-1, FirstDifference(read, content));
        Parallel.For(0, 3, worker =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 40; i++)
            {
                var offset = random.Next(content.Length + 1);
                var part = new byte[random.Next(Math.Min(content.Length - offset, 300_000) + 1)];
                part.AsSpan().Fill(0xee);
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
            for (var at = extent.Offset; extent.Kind == ExtentKind.Data && at < extent.End;)
            {
                if (image.FindStored(new GuestOffset(at), extent.End - at) is not { } stored)
                {
                    at += Grain;
                    continue;
                }

                var bytes = new byte[stored.Length];
                stored.File.Read(new GuestOffset(stored.Offset.Value), bytes);
                Assert.True(bytes.AsSpan().SequenceEqual(content.AsSpan((int)at, bytes.Length)));
                at += stored.Length;
            }
        }

        Assert.Equal(image.Length, position);
    }

    private static int FirstDifference(byte[] left, byte[] right) => left.AsSpan().CommonPrefixLength(right) is var same && same == right.Length ? -1 : same;
}
