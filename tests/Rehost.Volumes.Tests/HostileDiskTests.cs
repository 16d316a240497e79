using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.Model;
using Rehost.Volumes.Gpt;
using Rehost.Volumes.Mbr;
using Rehost.Volumes.Swap;

namespace Rehost.Volumes.Tests;

/// <summary>Seeded fuzz: whatever the bytes, an answer or a DiagnosticException, partitions on the disk, in bounded time.</summary>
public sealed class HostileDiskTests
{
    private const int Rounds = 4000;

    [Fact]
    public void Mbr_and_extended_records()
    {
        var random = new Random(20261);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = new byte[512 * random.Next(1, 400)];
            for (var record = 0; record < 12; record++)
            {
                var sector = record == 0 ? 0 : random.Next(bytes.Length / 512);
                MbrReadingTests.Table(bytes, sector, Entry(random), Entry(random), Entry(random), Entry(random));
            }

            Flip(random, bytes, 4);
            Check(bytes);
            try
            {
                var logical = LogicalPartitions.Read(new MemoryDevice(bytes));
                logical.SetType(5, 0x83);
                _ = logical.Add(0x83, new Lba(random.Next(400)), random.Next(1, 100));
            }
            catch (DiagnosticException)
            {
            }
        }
    }

    [Fact]
    public void Gpt_with_right_checksums_and_wrong_values()
    {
        var random = new Random(20262);
        var id = new Guid("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
        var whole = new byte[256 * 1024];
        new GptTable(id, [new GptEntry(1, PartitionTypes.LinuxData, id, new Lba(100), 100)]).WriteTo(new MemoryDevice(whole));
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = (byte[])whole.Clone();
            Scramble(random, bytes.AsSpan(512, 92));
            Scramble(random, bytes.AsSpan(1024, 256));
            Seal(bytes.AsSpan(512, 512), bytes.AsSpan(1024, 16384), random.Next(4) != 0);
            if (random.Next(2) == 0)
            {
                Flip(random, bytes.AsSpan(bytes.Length - 512), 2);
            }

            Check(random.Next(8) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
        }
    }

    [Fact]
    public void Swap_headers()
    {
        var random = new Random(20263);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = new byte[random.Next(70000)];
            random.NextBytes(bytes.AsSpan(0, Math.Min(bytes.Length, 2048)));
            if (bytes.Length >= 4096)
            {
                "SWAPSPACE2"u8.CopyTo(bytes.AsSpan(4086));
                bytes.AsSpan(1024, 4).Clear();
                bytes[1024] = (byte)random.Next(3);
            }

            _ = SwapSignature.TryRead(new MemoryDevice(bytes));
        }
    }

    private static void Check(byte[] bytes)
    {
        using var disk = new MemoryDevice(bytes, canWrite: false);
        try
        {
            var table = PartitionTable.Read(disk);
            Assert.True(table.Partitions.Length <= 255);
            Assert.Equal(table.Partitions.Length, table.Partitions.Select(one => one.Number).Distinct().Count());
            foreach (var partition in table.Partitions)
            {
                using var slice = partition.Open(disk);
            }
        }
        catch (DiagnosticException e)
        {
            Assert.Equal("PAR007", e.Diagnostic.Id);
        }
    }

    private static (byte Type, uint Start, uint Size) Entry(Random random)
    {
        byte[] types = [0, 5, 5, 15, 0x85, 0x83, 0x83, 0xee];
        var start = random.Next(6) == 0 ? (uint)random.NextInt64(1L << 32) : (uint)random.Next(300);
        return (random.Next(200) == 0 ? (byte)0xee : types[random.Next(7)], start, random.Next(6) == 0 ? uint.MaxValue : (uint)random.Next(300));
    }

    private static void Flip(Random random, Span<byte> bytes, int count)
    {
        for (var index = random.Next(count); index > 0; index--)
        {
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        }
    }

    private static void Scramble(Random random, Span<byte> bytes)
    {
        for (var index = random.Next(3); index > 0; index--)
        {
            var position = random.Next(0, bytes.Length - 8) & ~3;
            if (position >= 8)
            {
                var value = random.Next(3) switch { 0 => random.NextInt64(), 1 => -1L, _ => random.Next(5000) };
                BinaryPrimitives.WriteInt64LittleEndian(bytes[position..], value);
            }
        }
    }

    private static void Seal(Span<byte> header, ReadOnlySpan<byte> entries, bool really)
    {
        if (!really)
        {
            return;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(header[0x58..], Crc32.Of(entries));
        header.Slice(0x10, 4).Clear();
        var size = BinaryPrimitives.ReadUInt32LittleEndian(header[0x0c..]);
        BinaryPrimitives.WriteUInt32LittleEndian(header[0x10..], Crc32.Of(header[..(int)Math.Clamp(size, 92, 512)]));
    }
}
