using System.Text;

namespace Rehost.Archives.Tests;

/// <summary>Data of several textures, from a seed.</summary>
internal static class Samples
{
    public static byte[] SeveralMegabytes { get; } = Mixed(3_000_000, 77);

    public static byte[] Random(int length, int seed)
    {
        var data = new byte[length];
        new Random(seed).NextBytes(data);
        return data;
    }

    /// <summary>Text with repetition near and far, like a program or a log.</summary>
    public static byte[] Text(int length, int seed)
    {
        var random = new Random(seed);
        var words = Enumerable.Range(0, 600).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => (char)random.Next('a', 'z')))).ToArray();
        var text = new StringBuilder(length + 32);
        while (text.Length < length)
        {
            text.Append(words[(int)(words.Length * Math.Pow(random.NextDouble(), 3))]).Append(random.Next(9) == 0 ? '\n' : ' ');
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    /// <summary>Runs, zeros, noise, copies from afar, and x86 calls.</summary>
    public static byte[] Mixed(int length, int seed)
    {
        var random = new Random(seed);
        var data = new byte[length];
        for (var at = 0; at < length;)
        {
            var run = Math.Min(random.Next(1, 1 << random.Next(1, 16)), length - at);
            var part = data.AsSpan(at, run);
            switch (random.Next(6))
            {
                case 0:
                    part.Fill((byte)random.Next(256));
                    break;
                case 1:
                    random.NextBytes(part);
                    break;
                case 2 when at > 0:
                    var from = random.Next(at);
                    for (var i = 0; i < run; i++)
                    {
                        part[i] = data[from + i];
                    }

                    break;
                case 3:
                    for (var i = 0; i < run; i++)
                    {
                        part[i] = (i % 9) switch { 0 => 0xE8, 3 or 4 => (byte)(random.Next(2) * 0xFF), _ => (byte)(random.Next(8) == 0 ? 0xE9 : random.Next(16)) };
                    }

                    break;
                case 4:
                    for (var i = 0; i < run; i++)
                    {
                        part[i] = (byte)(i / 7 % 256);
                    }

                    break;
                default:
                    break;
            }

            at += run;
        }

        return data;
    }
}
