namespace Rehost.Testing.Windows;

/// <summary>A tree of PV drivers as XenServer's and XCP-ng's installers hold them, made up: a directory for each driver and architecture, no names of systems.</summary>
public static class PhonyXenDrivers
{
    /// <summary>Writes the tree.</summary>
    public static void Create(string directory)
    {
        foreach (var (inf, provider, hardwareId, service) in PhonyLeftovers.Packages("xen"))
        {
            foreach (var (folder, architecture) in (ReadOnlySpan<(string, string)>)[("x86", "x86"), ("x64", "amd64")])
            {
                var path = Path.Combine(directory, service, folder);
                Directory.CreateDirectory(path);
                File.WriteAllText(Path.Combine(path, inf), PhonyLeftovers.Inf(provider, hardwareId, service, architecture));
                File.WriteAllText(Path.Combine(path, service + ".sys"), $"{service} for {architecture}");
                File.WriteAllBytes(Path.Combine(path, service + ".cat"), PhonyVirtioWin.Catalogue);
            }
        }
    }
}
