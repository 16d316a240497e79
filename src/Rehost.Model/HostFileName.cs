namespace Rehost.Model;

/// <summary>
/// File names for this machine, made of names that a guest, an image or a configuration has given. The one place where a stranger's word becomes a part of a path: it is then a
/// single name of letters, digits and a few marks, which leads nowhere, hides nothing, is no option of a program and needs no quoting in any shell or configuration.
/// </summary>
public static class HostFileName
{
    /// <summary>Longest name that is made; room for what is put before and behind it is left below the 255 bytes of file systems.</summary>
    public const int MaximumLength = 64;

    /// <summary>Makes a file name.</summary>
    /// <param name="name">What the machine, disk or guest is called.</param>
    /// <param name="ifNothing">What to take when nothing of the name is left.</param>
    public static string From(string name, string ifNothing = "guest")
    {
        ArgumentNullException.ThrowIfNull(name);
        var safe = new string([.. name.Take(4 * MaximumLength).Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' ? letter : '_')]).TrimStart('.', '-');
        return safe.Length == 0 ? ifNothing : safe[..Math.Min(safe.Length, MaximumLength)];
    }
}
