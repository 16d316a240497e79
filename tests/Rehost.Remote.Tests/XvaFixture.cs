using System.Runtime.CompilerServices;
using Rehost.Testing;

namespace Rehost.Remote.Tests;

/// <summary>XVAs by the packer of the fixtures, which shares no code with the product.</summary>
internal static class XvaFixture
{
    public static string Pack(ScratchDirectory scratch, string name, string disk, string[] bridges)
    {
        var path = scratch[$"{name}-{Guid.NewGuid():N}.xva"];
        string[] adapters = [.. bridges.SelectMany((bridge, index) => new[] { "--vif", $"00:16:3e:00:00:{index + 1:x2},bridge={bridge},network=of {bridge}" })];
        Tool.MustRun("python3", [Path.Combine(Root(), "build/fixtures/pack-xva.py"), "--out", path, "--disk", disk + ",bootable", "--name", name, .. adapters, "--pv", "--checksum", "sha1"]);
        return path;
    }

    private static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path) ?? "/", "..", ".."));
}
