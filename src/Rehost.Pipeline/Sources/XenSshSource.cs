using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Hypervisors.Xen;
using Rehost.Model;
using Rehost.Remote.Ssh;

namespace Rehost.Pipeline.Sources;

/// <summary>A machine of a plain Xen host, read in place over ssh: its configuration as xl or xm has it, its disks as files or block devices there (S1.2, S4.8).</summary>
internal static class XenSshSource
{
    private const int MostConfiguration = 1 << 20;

    public static OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var address = SshAddress.Parse(request.Path);
        var host = SshHost.Connect(address, request.Remote?.SshProgram ?? "ssh");
        var disks = new List<IBlockDevice>();
        try
        {
            var (path, text) = ReadConfiguration(host, address);
            var source = XenSource.Describe(text, path, Path.GetDirectoryName(path) ?? "/", file => host.LengthOf(file) is >= 0 and var length ? length : null);
            var findings = new List<Diagnostic>(source.Findings);
            var stamps = source.Disks.Select(disk => (disk.HostPath, Stamp: host.StampOf(disk.HostPath))).ToArray();
            foreach (var disk in source.Disks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var file = new SshFile(host, disk.HostPath);
                disks.Add(file);
                disks[^1] = KnownDiskFormats.ByName(disk.Format).Open(new DiskOpenRequest(file, disk.HostPath) { Report = findings.Add });
            }

            var machine = source.Machine with { Disks = [.. source.Machine.Disks.Select((disk, index) => disk with { LengthBytes = disks[index].Length })] };
            return new OpenSource("xen+ssh", machine, [.. disks], [], [.. findings])
            {
                Container = host,
                FinalCheck = () =>
                {
                    foreach (var (file, stamp) in stamps)
                    {
                        if (host.StampOf(file) is var now && now != stamp)
                        {
                            throw PipelineDiagnostics.SourceChanged.ToException($"size and time of change were '{stamp}', now they are '{now}'", $"{address}{file}");
                        }
                    }
                },
            };
        }
        catch
        {
            disks.ForEach(disk => disk.Dispose());
            host.Dispose();
            throw;
        }
    }

    private static (string Path, string Text) ReadConfiguration(SshHost host, SshAddress address)
    {
        foreach (var path in address.ConfigurationPaths)
        {
            if (host.ReadText(path, MostConfiguration) is { } bytes)
            {
                return (path, GuestText.Decode(bytes));
            }
        }

        throw SshDiagnostics.CommandFailed.ToException($"no configuration: none of {string.Join(", ", address.ConfigurationPaths)} exists there", address.ToString());
    }
}
