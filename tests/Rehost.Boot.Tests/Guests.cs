using System.Runtime.CompilerServices;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>The real guests of build/fixtures, made when they are not there yet.</summary>
internal static class Guests
{
    public const string DebianPv = "debian12-pv";
    public const string DebianMbr = "debian12-mbr";
    public const string Sysvinit = "sysvinit-ext3";

    private static readonly Lock Making = new();
    private static readonly HashSet<string> Made = new(StringComparer.Ordinal);

    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile()) ?? "/", "..", ".."));

    /// <summary>A file of a guest: web01.xva, web01.cfg, web01-root.img.</summary>
    public static string File(string guest, string name)
    {
        lock (Making)
        {
            if (Made.Add(guest))
            {
                Tool.MustRun(Path.Combine(Root, "build/fixtures/make-guest.sh"), guest);
            }
        }

        return Path.Combine(Root, "artifacts/fixtures", guest, name);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
