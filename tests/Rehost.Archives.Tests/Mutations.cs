namespace Rehost.Archives.Tests;

/// <summary>What a broken disk or an attacker makes of valid bytes.</summary>
internal static class Mutations
{
    private static readonly byte[] Telling = [0, 1, 0x7F, 0x80, 0xFE, 0xFF];

    public static byte[] Of(byte[] valid, Random random)
    {
        var data = (byte[])valid.Clone();
        for (var count = random.Next(1, 5); count > 0 && data.Length > 4; count--)
        {
            // Heads hold lengths and tables, so half of the changes go there.
            var at = random.Next(2) == 0 ? random.Next(data.Length) : random.Next(Math.Min(data.Length, 64));
            switch (random.Next(7))
            {
                case 0:
                    data[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    data[at] = (byte)random.Next(256);
                    break;
                case 2:
                    data[at] = Telling[random.Next(Telling.Length)];
                    break;
                case 3:
                    data.AsSpan(at, Math.Min(random.Next(1, 9), data.Length - at)).Fill(Telling[random.Next(Telling.Length)]);
                    break;
                case 4:
                    data = data[..at];
                    break;
                case 5:
                    data = [.. data[..at], .. data[Math.Min(data.Length, at + random.Next(1, 40))..]];
                    break;
                default:
                    var from = random.Next(data.Length);
                    data = [.. data[..at], .. data.AsSpan(from, Math.Min(random.Next(1, 200), data.Length - from)), .. data[at..]];
                    break;
            }
        }

        return data;
    }
}
