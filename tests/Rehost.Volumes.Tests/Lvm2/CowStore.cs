using System.Buffers.Binary;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>A snapshot's store as the kernel writes and reads it (dm-snap-persistent), from its bytes; shares no code with the product.</summary>
internal static class CowStore
{
    /// <summary>Makes a store of junk with some chunks in it, in the kernel's order of places.</summary>
    public static byte[] Make(int length, int chunk, IReadOnlyList<(long Origin, byte[] Content)> exceptions, bool isValid = true)
    {
        var store = new byte[length];
        new Random(length).NextBytes(store);
        BinaryPrimitives.WriteUInt32LittleEndian(store, 0x70416e53);
        BinaryPrimitives.WriteInt32LittleEndian(store.AsSpan(4), isValid ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(store.AsSpan(8), 1);
        BinaryPrimitives.WriteInt32LittleEndian(store.AsSpan(12), chunk / 512);
        var perArea = chunk / 16;
        var next = 2;
        store.AsSpan(chunk, chunk).Clear();
        for (var i = 0; i < exceptions.Count; i++)
        {
            var area = (1 + (i / perArea * (perArea + 1))) * chunk;
            if (i % perArea == perArea - 1)
            {
                store.AsSpan(area + ((perArea + 1) * chunk), chunk).Clear();
            }

            BinaryPrimitives.WriteInt64LittleEndian(store.AsSpan(area + (i % perArea * 16)), exceptions[i].Origin);
            BinaryPrimitives.WriteInt64LittleEndian(store.AsSpan(area + (i % perArea * 16) + 8), next);
            exceptions[i].Content.CopyTo(store, next * chunk);
            next++;
            next += next % (perArea + 1) == 1 ? 1 : 0;
        }

        return store;
    }

    /// <summary>What a snapshot shows, and how many chunks its store has of its own.</summary>
    public static (byte[] Content, int Exceptions) Show(byte[] origin, ReadOnlySpan<byte> store, int expectedChunk)
    {
        Assert.Equal(0x70416e53U, BinaryPrimitives.ReadUInt32LittleEndian(store));
        Assert.Equal((1, 1, expectedChunk / 512), (BinaryPrimitives.ReadInt32LittleEndian(store[4..]), BinaryPrimitives.ReadInt32LittleEndian(store[8..]), BinaryPrimitives.ReadInt32LittleEndian(store[12..])));
        var content = (byte[])origin.Clone();
        var seen = new HashSet<long>();
        var places = new HashSet<long>();
        var perArea = expectedChunk / 16;
        for (var area = 0; ; area++)
        {
            for (var i = 0; i < perArea; i++)
            {
                var at = ((1 + (area * (perArea + 1))) * expectedChunk) + (i * 16);
                var from = BinaryPrimitives.ReadInt64LittleEndian(store[at..]);
                var to = BinaryPrimitives.ReadInt64LittleEndian(store[(at + 8)..]);
                if (to == 0)
                {
                    return (content, seen.Count);
                }

                Assert.True(seen.Add(from) && places.Add(to) && to % (perArea + 1) != 1 && to >= 2, $"entry {i} of area {area}: {from} -> {to}");
                store.Slice((int)to * expectedChunk, expectedChunk).CopyTo(content.AsSpan((int)from * expectedChunk));
            }
        }
    }
}
