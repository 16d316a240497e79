using System.Buffers.Binary;

namespace Rehost.Fuzz.Engine;

/// <summary>Damages binary formats by field: numbers of every width in both byte orders, fields and blocks that trade places, lengths that change.</summary>
internal sealed class BinaryMutator(FuzzTarget target, Random random)
{
    private static readonly int[] Blocks = [16, 64, 512, 1024, 4096];

    public void Mutate(ImageBuffer buffer, HotPlaces hot, IReadOnlyList<CorpusEntry> corpus)
    {
        var head = random.Next(10) == 0 ? 0 : target.KeptHead;
        var kept = buffer.Bytes.AsSpan(0, Math.Min(head, buffer.Length)).ToArray();
        var count = 1;
        while (count < 12 && random.Next(3) != 0)
        {
            count++;
        }

        for (; count > 0; count--)
        {
            if (buffer.Length < 16 || (!buffer.IsLarge && target.IsElastic && random.Next(5) == 0))
            {
                Reshape(buffer, hot, corpus);
            }
            else
            {
                ChangeInPlace(buffer, hot);
            }
        }

        if (random.Next(60) == 0)
        {
            buffer.Cut(random.Next(2) == 0 ? random.Next(buffer.Length + 1) : random.Next(buffer.Length + 1) / 512 * 512);
        }

        if (kept.Length <= buffer.Length)
        {
            kept.CopyTo(buffer.Change(0, kept.Length));
        }
    }

    private void ChangeInPlace(ImageBuffer buffer, HotPlaces hot)
    {
        var size = 1 << random.Next(4);
        var at = hot.Choose(random, buffer.Span, size);
        switch (random.Next(13))
        {
            case 0:
                buffer.Change(at, 1)[0] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                buffer.Change(at, 1)[0] = (byte)random.Next(256);
                break;
            case 2 or 3 or 4:
                Put(buffer.Change(at, size), BoundaryValues.Choose(random));
                break;
            case 5 or 6:
                var field = buffer.Change(at, size);
                var isBig = random.Next(2) == 0;
                Put(field, Vary(Get(field, isBig)), isBig);
                break;
            case 7:
                var from = hot.Choose(random, buffer.Span, size);
                buffer.Bytes.AsSpan(from, size).CopyTo(buffer.Change(at, size));
                break;
            case 8:
                var other = hot.Choose(random, buffer.Span, size);
                var value = Get(buffer.Bytes.AsSpan(other, size), false);
                Put(buffer.Change(other, size), Get(buffer.Bytes.AsSpan(at, size), false), false);
                Put(buffer.Change(at, size), value, false);
                break;
            case 9:
                buffer.Change(at, Math.Min(random.Next(1, 65), buffer.Length - at)).Fill(random.Next(3) switch { 0 => 0, 1 => 0xFF, _ => (byte)random.Next(256) });
                break;
            case 10:
                random.NextBytes(buffer.Change(at, Math.Min(8, buffer.Length - at)));
                break;
            case 11:
                MoveBlock(buffer, hot);
                break;
            default:
                // Where the parser looks for a structure, another one of the same image: cycles, wrong kinds.
                Put(buffer.Change(at, size), random.Next(2) == 0 ? buffer.Length >> random.Next(14) : random.Next(1 << random.Next(1, 24)));
                break;
        }
    }

    private long Vary(long value) => random.Next(7) switch
    {
        0 => unchecked(value + 1),
        1 => unchecked(value - 1),
        2 => unchecked(value * 2),
        3 => value / 2,
        4 => unchecked(value + random.Next(-64, 65)),
        5 => unchecked(-value),
        _ => unchecked(value << 8),
    };

    private void MoveBlock(ImageBuffer buffer, HotPlaces hot)
    {
        var size = Blocks[random.Next(Blocks.Length)];
        if (buffer.Length < size * 2)
        {
            return;
        }

        var (one, two) = (hot.Choose(random, buffer.Span, size), hot.Choose(random, buffer.Span, size));
        var content = buffer.Bytes.AsSpan(one, size).ToArray();
        if (random.Next(2) == 0)
        {
            buffer.Bytes.AsSpan(two, size).CopyTo(buffer.Change(one, size));
        }

        content.CopyTo(buffer.Change(two, size));
    }

    private void Reshape(ImageBuffer buffer, HotPlaces hot, IReadOnlyList<CorpusEntry> corpus)
    {
        var bytes = buffer.ToArray();
        var at = bytes.Length == 0 ? 0 : hot.Choose(random, bytes, 1);
        var length = Math.Min(random.Next(1, random.Next(3) == 0 ? 600 : 40), bytes.Length - at);
        switch (random.Next(5))
        {
            case 0:
                buffer.Replace([.. bytes.AsSpan(0, at), .. bytes.AsSpan(at + length)]);
                break;
            case 1:
                var times = random.Next(12) == 0 ? 50 : 1;
                var many = new List<byte>(bytes.AsSpan(0, at).ToArray());
                for (; times > 0; times--)
                {
                    many.AddRange(bytes.AsSpan(at, length));
                }

                many.AddRange(bytes.AsSpan(at).ToArray());
                buffer.Replace([.. many]);
                break;
            case 2:
                var added = new byte[random.Next(1, 64)];
                random.NextBytes(added);
                buffer.Replace([.. bytes.AsSpan(0, at), .. added, .. bytes.AsSpan(at)]);
                break;
            case 3:
                var other = corpus[random.Next(corpus.Count)].ToArray();
                if (other.Length is > 0 and < ImageBuffer.LargeFrom)
                {
                    var cut = random.Next(other.Length);
                    buffer.Replace(random.Next(2) == 0 ? [.. bytes.AsSpan(0, at), .. other.AsSpan(cut)] : [.. bytes.AsSpan(0, at), .. other.AsSpan(Math.Min(at, other.Length))]);
                }

                break;
            default:
                var from = bytes.Length == 0 ? 0 : random.Next(bytes.Length);
                buffer.Replace([.. bytes.AsSpan(0, at), .. bytes.AsSpan(from, Math.Min(random.Next(1, 200), bytes.Length - from)), .. bytes.AsSpan(at)]);
                break;
        }
    }

    private void Put(Span<byte> field, long value) => Put(field, value, random.Next(2) == 0);

    private static void Put(Span<byte> field, long value, bool isBig)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        bytes[..field.Length].CopyTo(field);
        if (isBig)
        {
            field.Reverse();
        }
    }

    private static long Get(ReadOnlySpan<byte> field, bool isBig)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        field.CopyTo(bytes);
        if (isBig)
        {
            bytes[..field.Length].Reverse();
        }

        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }
}
