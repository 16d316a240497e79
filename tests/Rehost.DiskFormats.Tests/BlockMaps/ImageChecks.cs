using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.BlockMaps;

/// <summary>What every image must hold, whatever its format: the same content by every way of reading it.</summary>
internal static class ImageChecks
{
    /// <summary>Content with zero stretches, also ones that do not end on borders of blocks.</summary>
    public static byte[] Content(int length, int seed)
    {
        var random = new Random(seed);
        var content = new byte[length];
        for (var at = 0; at < length;)
        {
            var count = Math.Min(length - at, random.Next(1, random.Next(4) == 0 ? 3 << 20 : 200_000));
            if (random.Next(3) != 0)
            {
                random.NextBytes(content.AsSpan(at, count));
            }

            at += count;
        }

        return content;
    }

    /// <summary>Writes an image in pieces of odd sizes.</summary>
    public static void Write(string path, string format, byte[] content, ImageWriterOptions options, int seed)
    {
        var random = new Random(seed);
        using var file = CommittedFile.Create(path);
        using var writer = KnownDiskFormats.ByName(format).CreateWriter(file, content.Length, options);
        for (var at = 0; at < content.Length;)
        {
            var count = Math.Min(content.Length - at, random.Next(1, random.Next(2) == 0 ? 5 << 20 : 9999));
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

    /// <summary>Opens an image as the command line does.</summary>
    public static IBlockDevice Open(string path, Action<Diagnostic>? report = null)
        => KnownDiskFormats.OpenNamed(new ReferencedFile(FileDevice.OpenRead(path), path, HostImageDirectory.Of(path)), null, Request(path) with { Report = report });

    public static DiskOpenRequest Request(string path) => new(FileDevice.OpenRead(path), path) { Directory = HostImageDirectory.Of(path) };

    /// <summary>Reads by all ways: as a whole, in random pieces from several threads, by extents, by stored ranges. The device may be longer by zeros.</summary>
    public static void Check(IBlockDevice device, byte[] content, int seed = 1)
    {
        Assert.InRange(device.Length, content.Length, content.Length + (1 << 20));
        Array.Resize(ref content, (int)device.Length);
        var whole = new byte[content.Length];
        device.Read(GuestOffset.Zero, whole);
        AssertSame(content, whole, 0);
        Parallel.For(0, 4, thread =>
        {
            var random = new Random(seed + thread);
            for (var i = 0; i < 200 && content.Length > 0; i++)
            {
                var at = random.Next(content.Length);
                var read = new byte[random.Next(Math.Min(content.Length - at, random.Next(2) == 0 ? 5000 : 3 << 20)) + 1];
                device.Read(new GuestOffset(at), read);
                AssertSame(content.AsSpan(at, read.Length), read, at);
            }
        });
        CheckExtents(device, content);
        CheckStored(device, content);
        Assert.Equal("BLK001", Assert.Throws<DiagnosticException>(() => device.Read(new GuestOffset(device.Length), new byte[1])).Diagnostic.Id);
        Assert.Equal("BLK002", Assert.Throws<DiagnosticException>(() => device.Write(GuestOffset.Zero, [1])).Diagnostic.Id);
    }

    public static void AssertSame(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, long at)
    {
        var same = expected.CommonPrefixLength(actual);
        Assert.True(same == expected.Length && same == actual.Length, $"difference at {at + same}");
    }

    /// <summary>Opens an image that must be refused, and says by which id.</summary>
    public static string Refusal(string path, IDiskFormat format)
        => Assert.Throws<DiagnosticException>(() => format.Open(Request(path)).Dispose()).Diagnostic.Id;

    /// <summary>
    /// Changes bytes at random places of the structures and uses the image: nothing but a diagnostic may come of it, soon, and with bounded memory.
    /// </summary>
    public static void Fuzz(byte[] image, IDiskFormat format, IReadOnlyList<(int Offset, int Length)> places, Action<byte[]>? repair, int cases, string directory)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "self"), "");
        var opened = 0;
        for (var seed = 0; seed < Fuzzing.Rounds(cases); seed++)
        {
            var random = new Random(seed);
            var bytes = (byte[])image.Clone();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                var (offset, length) = places[random.Next(places.Count)];
                var at = offset + random.Next(length);
                switch (random.Next(4))
                {
                    case 0:
                        bytes[at] ^= (byte)(1 << random.Next(8));
                        break;
                    case 1:
                        bytes[at] = (byte)random.Next(256);
                        break;
                    case 2:
                        bytes.AsSpan(at, Math.Min(random.Next(1, 9), bytes.Length - at)).Fill((byte)(random.Next(2) * 255));
                        break;
                    default:
                        random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 9), bytes.Length - at)));
                        break;
                }
            }

            if (random.Next(2) == 0)
            {
                repair?.Invoke(bytes);
            }

            if (random.Next(8) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            var before = GC.GetAllocatedBytesForCurrentThread();
            opened += Use(bytes, format, directory, seed) ? 1 : 0;
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20, $"seed {seed}: {GC.GetAllocatedBytesForCurrentThread() - before} bytes were allocated");
        }

        Assert.InRange(opened, 1, cases - 1);
    }

    private static bool Use(byte[] bytes, IDiskFormat format, string directory, int seed)
    {
        DiskOpenRequest Request() => new(new MemoryDevice(bytes, canWrite: false), "fuzz") { Directory = HostImageDirectory.Of(Path.Combine(directory, "self")) };
        try
        {
            format.Identify(bytes.AsSpan(0, Math.Min(4096, bytes.Length)), bytes.AsSpan(bytes.Length - Math.Min(4096, bytes.Length)));
            using (var device = format.Open(Request()))
            {
                _ = (device as IDiskImage)?.Info;
                var buffer = new byte[100_000];
                for (var i = 0L; i < 12 && device.Length > 0; i++)
                {
                    var at = device.Length / 12 * i;
                    var count = (int)Math.Min(buffer.Length, device.Length - at);
                    try
                    {
                        device.Read(new GuestOffset(at), buffer.AsSpan(0, count));
                        _ = device.GetExtents(new GuestOffset(at), count).Take(100).Count();
                        device.FindStored(new GuestOffset(at), count);
                    }
                    catch (DiagnosticException)
                    {
                        // One damaged block must not keep the others from being tried.
                    }
                }
            }

            using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            format.Check(Request(), stop.Token);
            return true;
        }
        catch (DiagnosticException)
        {
            return false;
        }
        catch (OperationCanceledException)
        {
            return false; // a table of a million sound entries is no hang
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}", e);
        }
    }

    private static void CheckExtents(IBlockDevice device, byte[] content)
    {
        var position = 0L;
        foreach (var extent in device.GetExtents(GuestOffset.Zero, device.Length))
        {
            Assert.Equal(position, extent.Offset);
            Assert.True(extent.Length > 0);
            Assert.True(extent.Kind == ExtentKind.Data || !content.AsSpan((int)extent.Offset, (int)extent.Length).ContainsAnyExcept((byte)0), $"{extent} is not zero");
            position = extent.End;
        }

        Assert.Equal(device.Length, position);
    }

    private static void CheckStored(IBlockDevice device, byte[] content)
    {
        for (var position = 0L; position < device.Length;)
        {
            if (device.FindStored(new GuestOffset(position), device.Length - position) is not { } stored)
            {
                position = Math.Min(device.Length, (position / 4096 * 4096) + 4096);
                continue;
            }

            var read = new byte[stored.Length];
            stored.File.Read(new GuestOffset(stored.Offset.Value), read);
            AssertSame(content.AsSpan((int)position, read.Length), read, position);
            position += stored.Length;
        }
    }
}
