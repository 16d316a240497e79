using System.CommandLine;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Targets;

namespace Rehost.Cli.Commands;

/// <summary>The options that say what the target shall be.</summary>
internal sealed class TargetArguments
{
    private readonly Option<string> _to = new("--to") { Description = $"Target hypervisor: {string.Join(", ", KnownTargets.Names)}.", Required = true };
    private readonly Option<string?> _format = new("--disk-format") { Description = "Format of the target's disks: qcow2 or raw where the target has the choice." };
    private readonly Option<string> _compress = new("--compress") { Description = "Compression of qcow2: none, zlib, zstd; of an XVA: none, zstd.", DefaultValueFactory = _ => "none" };
    private readonly Option<bool> _keepFree = new("--keep-free-space") { Description = "Copy what nothing uses too: free blocks with the bytes of deleted files, the inside of swap space, extents that no logical volume has." };
    private readonly Option<string?> _name = new("--name") { Description = "Name of the target machine; default: the source's." };
    private readonly Option<string?> _grub = new("--grub-dir") { Description = "Directory of GRUB's i386-pc files; default: the guest's own, then this machine's usual places." };

    private readonly Option<string?> _drivers = new("--virtio-win") { Description = "Drivers for Windows: the ISO of virtio-win, its directory, the tree of its RPM, or any directory with .inf files." };
    private readonly Option<string[]> _installers = new("--first-boot-install") { Description = "An installer (.msi or .exe) that Windows runs once at its first start: the guest agent; may be repeated." };

    public void AddTo(Command command)
    {
        _to.AcceptOnlyFromAmong([.. KnownTargets.Names]);
        _compress.AcceptOnlyFromAmong("none", "zlib", "zstd");
        foreach (var option in new Option[] { _to, _format, _compress, _keepFree, _name, _grub, _drivers, _installers })
        {
            command.Options.Add(option);
        }
    }

    public TargetRequest Read(ParseResult parsed, string? output)
    {
        var target = parsed.GetRequiredValue(_to);
        var formats = KnownTargets.DiskFormatsOf(target);
        var format = parsed.GetValue(_format) ?? formats[0];
        var compress = parsed.GetRequiredValue(_compress);
        if (!formats.Contains(format))
        {
            throw PipelineDiagnostics.BadOption.ToException($"'{format}' is none of what {target} takes: {string.Join(", ", formats)}", "--disk-format");
        }

        if (compress != "none" && (format, compress) is not (("qcow2", _) or ("xva", "zstd")))
        {
            throw PipelineDiagnostics.BadOption.ToException(format == "ova" ? "the disks of an OVA are compressed already" : $"disks of the format {format} are not compressed with {compress}", "--compress");
        }

        return new TargetRequest(target)
        {
            OutputDirectory = output,
            GrubDirectory = parsed.GetValue(_grub),
            Drivers = parsed.GetValue(_drivers),
            FirstBootInstallers = [.. parsed.GetValue(_installers) ?? []],
            Options = new ConversionOptions { Target = target, DiskFormat = format, Compression = compress, KeepFreeSpace = parsed.GetValue(_keepFree), Name = parsed.GetValue(_name) },
        };
    }

    public string? Name(ParseResult parsed) => parsed.GetValue(_name);
}
