using Rehost.DiskFormats.Xva;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Xva;

/// <summary>Exports read in one pass from a stream that cannot go back, as a host sends them (S0.24, S4.13).</summary>
public sealed class XvaStreamTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(null, true)]
    [InlineData(null, false)]
    [InlineData("gzip", true)]
    [InlineData("zstd", false)]
    [Requirement("S4.13")]
    public void Disks_arrive_with_gaps_and_empty_chunks_at_their_places(string? compressor, bool sha1)
    {
        var (first, second) = (Disk(7, (6 * MiB) + 1536), Disk(8, 3 * MiB));
        var bytes = new XvaBuilder("<value>x</value>").Disk("Ref:10", first, sha1, keepAliveBefore: [1, 4]).Disk("Ref:4", second, sha1).End();
        bytes = compressor is null ? bytes : CompressedXvaTests.Compress(compressor, "-3", bytes);
        var receiver = new Receiver();
        var ends = XvaStream.Read(new Trickle(bytes), "test", receiver, CancellationToken.None);
        Assert.Equal("<value>x</value>"u8.ToArray(), receiver.OvaXml);
        Assert.Equal([("Ref:10", (long)first.Length), ("Ref:4", second.Length)], ends.Select(end => (end.Key, end.Value)));
        Assert.True(receiver.Content("Ref:10", first.Length).AsSpan().SequenceEqual(first));
        Assert.True(receiver.Content("Ref:4", second.Length).AsSpan().SequenceEqual(second));
        XvaStream.DemandWhole("Ref:4", second.Length, ends, "test");
        Assert.Equal("XVA008", Refused(() => XvaStream.DemandWhole("Ref:4", second.Length + 1, ends, "test")));
        Assert.Equal("XVA009", Refused(() => XvaStream.DemandWhole("Ref:4", second.Length - 1, ends, "test")));
        Assert.Equal("XVA011", Refused(() => XvaStream.DemandWhole("Ref:5", 1, ends, "test")));
    }

    [Theory]
    [InlineData("flipped bit", "XVA004")]
    [InlineData("cut inside of a chunk", "TAR002")]
    [InlineData("cut before the end mark", "TAR002")]
    [InlineData("empty", "TAR002")]
    [InlineData("no ova.xml", "XVA002")]
    [InlineData("no checksum", "XVA005")]
    [InlineData("checksum of an unknown kind", "XVA012")]
    [InlineData("short checksum", "XVA012")]
    [InlineData("checksum without chunk", "XVA006")]
    [InlineData("numbers that fall", "XVA007")]
    [InlineData("a disk that goes on", "XVA007")]
    [InlineData("no number", "XVA007")]
    [InlineData("no first chunk", "XVA010")]
    [InlineData("a huge chunk", "XVA013")]
    [InlineData("XenServer 3", "XVA014")]
    [InlineData("a link", "TAR004")]
    [InlineData("something behind the end", "TAR007")]
    public void A_fault_is_named_where_it_passes(string fault, string id)
    {
        var one = new byte[1000];
        one[3] = 1;
        var good = new XvaBuilder().Disk("Ref:1", Disk(1, 2 * MiB));
        byte[] bytes;
        switch (fault)
        {
            case "flipped bit":
                bytes = good.End();
                bytes[MiB / 2] ^= 1;
                break;
            case "cut inside of a chunk":
                bytes = good.End()[..(MiB + 100_000)];
                break;
            case "cut before the end mark":
                bytes = good.WithoutEnd();
                break;
            case "empty":
                bytes = [];
                break;
            default:
                bytes = (fault switch
                {
                    "no ova.xml" => XvaBuilder.Empty().Chunk("Ref:1", 0, one),
                    "no checksum" => good.Member("Ref:2/00000000", one),
                    "checksum of an unknown kind" => good.Member("Ref:2/00000000", one).Member("Ref:2/00000000.md5", new byte[32]),
                    "short checksum" => good.Member("Ref:2/00000000", one).Member("Ref:2/00000000.xxhash", new byte[15]),
                    "checksum without chunk" => good.Member("Ref:2/00000000.xxhash", new byte[16]),
                    "numbers that fall" => good.Chunk("Ref:1", 1, one),
                    "a disk that goes on" => good.Chunk("Ref:2", 0, one).Chunk("Ref:1", 9, one),
                    "no number" => good.Member("Ref:2/0000000x", one),
                    "no first chunk" => good.Chunk("Ref:2", 1, one),
                    "a huge chunk" => good.Member("Ref:2/00000000", new byte[17 * MiB]),
                    "XenServer 3" => good.Member("sda/chunk-000000000.gz", one),
                    "a link" => good.Member("Ref:2/00000000", [], '2', "/etc/passwd"),
                    _ => good,
                }).End();
                bytes = fault == "something behind the end" ? [.. bytes, .. new byte[700], 1] : bytes;
                break;
        }

        Assert.Equal(id, Refused(() => XvaStream.Read(new Trickle(bytes), "test", new Receiver(), CancellationToken.None)));
    }

    [Fact]
    public void It_stops_between_chunks_when_it_is_told_to()
    {
        using var stop = new CancellationTokenSource();
        var bytes = new XvaBuilder().Disk("Ref:1", Disk(1, 4 * MiB)).End();
        var receiver = new Receiver { Received = count => { if (count == 2) { stop.Cancel(); } } };
        Assert.Throws<OperationCanceledException>(() => XvaStream.Read(new Trickle(bytes), "test", receiver, stop.Token));
        Assert.Equal(2, receiver.Chunks);
    }

    [Fact]
    public void Damaged_streams_are_refused_and_nothing_worse()
    {
        var sample = new XvaBuilder().Disk("Ref:1", Disk(1, 20_000)).Disk("Ref:2", Disk(2, 3000)).End();
        var packed = CompressedXvaTests.Compress("gzip", "-3", sample);
        var random = new Random(99);
        for (var round = Fuzzing.Rounds(400); round > 0; round--)
        {
            var bytes = (round % 4 == 0 ? packed : sample).ToArray();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                XvaStream.Read(new MemoryStream(random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes), "test", new Receiver(), CancellationToken.None);
            }
            catch (DiagnosticException)
            {
                // As it should be.
            }
        }
    }

    private static string Refused(Action action) => Assert.Throws<DiagnosticException>(action).Diagnostic.Id;

    private static byte[] Disk(int seed, int length)
    {
        var disk = new byte[length];
        var random = new Random(seed);
        random.NextBytes(disk);
        disk.AsSpan(Math.Min(length, 2 * MiB), Math.Min(2 * MiB, Math.Max(0, length - (2 * MiB)))).Clear();
        return disk;
    }

    private sealed class Receiver : IXvaReceiver
    {
        private readonly Dictionary<string, List<(long, byte[])>> _disks = [];

        public byte[]? OvaXml { get; private set; }

        public int Chunks { get; private set; }

        public Action<int>? Received { get; init; }

        public void Describe(ReadOnlyMemory<byte> ovaXml) => OvaXml = ovaXml.ToArray();

        public void Receive(string disk, long position, ReadOnlySpan<byte> data)
        {
            if (!_disks.TryGetValue(disk, out var parts))
            {
                _disks[disk] = parts = [];
            }

            parts.Add((position, data.ToArray()));
            Received?.Invoke(++Chunks);
        }

        public byte[] Content(string disk, int length)
        {
            var content = new byte[length];
            foreach (var (position, data) in _disks[disk])
            {
                data.CopyTo(content, position);
            }

            return content;
        }
    }

    /// <summary>Gives what a network gives: some bytes, seldom as many as were asked for.</summary>
    private sealed class Trickle(byte[] bytes) : Stream
    {
        private readonly Random _random = new(3);
        private int _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            count = Math.Min(Math.Min(count, bytes.Length - _position), _random.Next(1, 100_000));
            bytes.AsSpan(_position, count).CopyTo(buffer.AsSpan(offset));
            _position += count;
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
