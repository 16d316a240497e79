using System.Text;
using Rehost.Pipeline;
using Rehost.Pipeline.Sources;

namespace Rehost.Cli;

/// <summary>Asks for a passphrase on the terminal without showing it.</summary>
internal static class KeyPrompt
{
    public static byte[] Ask(KeySource source) => Ask($"Passphrase for {source.Volume ?? "encrypted volumes"}", "use file:PATH", "--key");

    /// <summary>Asks for any secret.</summary>
    /// <param name="question">What is asked.</param>
    /// <param name="otherwise">What to do where there is no terminal.</param>
    /// <param name="option">The option that does it.</param>
    public static byte[] Ask(string question, string otherwise, string option)
    {
        if (Console.IsInputRedirected)
        {
            throw PipelineDiagnostics.BadOption.ToException($"a secret is asked for on a terminal, and there is none; {otherwise}", option);
        }

        Console.Error.Write($"{question}: ");
        var letters = new char[1024];
        var count = 0;
        for (var key = Console.ReadKey(intercept: true); key.Key != ConsoleKey.Enter; key = Console.ReadKey(intercept: true))
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                count = Math.Max(0, count - 1);
            }
            else if (key.KeyChar != '\0' && count < letters.Length)
            {
                letters[count++] = key.KeyChar;
            }
        }

        Console.Error.WriteLine();
        var bytes = Encoding.UTF8.GetBytes(letters, 0, count);
        Array.Clear(letters);
        return bytes;
    }
}
