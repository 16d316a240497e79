using System.Globalization;
using Rehost.Pipeline.Files;

namespace Rehost.Cli.Output;

/// <summary>Files of a guest for people. Names are the guest's: control characters in them are made visible.</summary>
internal static class FilesPrinter
{
    public static void PrintName(TextWriter writer, ListedFile item) => writer.WriteLine(TerminalText.Clean(item.File.Name) + Suffix(item.File));

    public static void PrintTreeLine(TextWriter writer, ListedFile item)
        => writer.WriteLine(item.Level == 0 ? TerminalText.Clean(item.File.Path) : $"{new string(' ', item.Level * 2)}{TerminalText.Clean(item.File.Name)}{Suffix(item.File)}");

    public static void PrintLongLine(TextWriter writer, ListedFile item)
    {
        var file = item.File;
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{file.Type}{Bits(file.Permissions)} {file.Uid,5} {file.Gid,5} {file.Length,12} {file.Modified.UtcDateTime:yyyy-MM-dd HH:mm:ss} {TerminalText.Clean(file.Name)}{Suffix(file)}"));
    }

    /// <summary>As sha256sum(1) prints it.</summary>
    public static void PrintHash(TextWriter writer, HashedFile file) => writer.WriteLine($"{file.Sha256}  {TerminalText.Clean(file.Path)}");

    public static void PrintDifference(TextWriter writer, FileDifference difference)
    {
        var sign = difference.Kind switch
        {
            FileDifferenceKind.Added => "+",
            FileDifferenceKind.Removed => "-",
            _ => "~",
        };
        writer.WriteLine($"{sign} {TerminalText.Clean(difference.Path)}{(difference.What.IsEmpty ? "" : ": " + TerminalText.Clean(string.Join(", ", difference.What)))}");
    }

    private static string Suffix(GuestFile file) => file.Type switch
    {
        'd' => "/",
        'l' => $" -> {TerminalText.Clean(file.LinkTarget ?? "")}",
        _ => "",
    };

    /// <summary>As ls(1): set-id and sticky bits replace the x they stand on.</summary>
    private static string Bits(int permissions)
    {
        Span<char> bits = stackalloc char[9];
        for (var i = 0; i < 9; i++)
        {
            bits[i] = (permissions & (0x100 >> i)) != 0 ? "rwx"[i % 3] : '-';
        }

        Special(bits, 2, (permissions & 0x800) != 0, 's');
        Special(bits, 5, (permissions & 0x400) != 0, 's');
        Special(bits, 8, (permissions & 0x200) != 0, 't');
        return new string(bits);
    }

    private static void Special(Span<char> bits, int at, bool isSet, char letter)
    {
        if (isSet)
        {
            bits[at] = bits[at] == 'x' ? letter : char.ToUpperInvariant(letter);
        }
    }
}
