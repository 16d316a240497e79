using System.Text;
using Rehost.Model;

namespace Rehost.Hypervisors.Tests;

/// <summary>Damages texts in a repeatable way and demands that a parser answers or throws a <see cref="DiagnosticException"/>, nothing else.</summary>
internal static class Fuzz
{
    public static void Run(int rounds, IReadOnlyList<string> seeds, string alphabet, Action<string> parse)
    {
        var random = new Random(20261121);
        for (var round = 0; round < rounds; round++)
        {
            var text = new StringBuilder(seeds[random.Next(seeds.Count)]);
            for (var edits = random.Next(1, 8); edits > 0 && text.Length > 0; edits--)
            {
                var at = random.Next(text.Length);
                switch (random.Next(5))
                {
                    case 0:
                        text.Remove(at, Math.Min(random.Next(1, 40), text.Length - at));
                        break;
                    case 1:
                        text.Insert(at, alphabet[random.Next(alphabet.Length)]);
                        break;
                    case 2:
                        text[at] = (char)random.Next(0, random.Next(2) == 0 ? 128 : 0x10000);
                        break;
                    case 3:
                        var length = Math.Min(random.Next(1, 60), text.Length - at);
                        text.Insert(random.Next(text.Length), text.ToString(at, length));
                        break;
                    default:
                        text.Length = at;
                        break;
                }
            }

            try
            {
                parse(text.ToString());
            }
            catch (DiagnosticException)
            {
                // What a parser is to do with damage.
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"round {round}: {e.GetType().Name} escaped for:\n{text}", e);
            }
        }
    }
}
