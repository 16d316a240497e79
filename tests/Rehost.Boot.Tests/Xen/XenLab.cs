using Rehost.Testing;

namespace Rehost.Boot.Tests.Xen;

/// <summary>The laboratory of build/fixtures/xen-lab.sh, made when it is not there yet.</summary>
internal static class XenLab
{
    private static readonly Lazy<string> Made = new(() =>
    {
        Tool.MustRun(Path.Combine(Guests.Root, "build/fixtures/xen-lab.sh"));
        return Path.Combine(Guests.Root, "artifacts/fixtures/xen-dom0");
    });

    public static string Directory => Made.Value;
}
