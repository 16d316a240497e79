using System.Text;
using Rehost.Pipeline;
using Rehost.Pipeline.Sources;

namespace Rehost.Cli;

/// <summary>Asks for a passphrase on the terminal without showing it.</summary>
internal static class KeyPrompt
{
    public static byte[] Ask(KeySource source)
    {
        if (Console.IsInputRedirected)
        {
            throw PipelineDiagnostics.BadOption.ToException("a passphrase is asked for on a terminal, and there is none; use file:PATH", "--key");
        }

        Console.Error.Write($"Passphrase for {source.Volume ?? "encrypted volumes"}: ");
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
