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

    private readonly Option<string[]> _package = new("--package") { Description = "An rpm or deb for the guest, which is unpacked into it: a kernel that runs on the target (with initramfs and menu entry), tools of the target's hypervisor. No script of it is run. Repeatable." };
    private readonly Option<bool> _clone = new("--clone") { Description = "The target is a copy that runs beside the source: new MAC addresses, UUID, machine-id and SSH host keys. Without it the machine keeps its identity." };
    private readonly Option<bool> _names = new("--target-device-names") { Description = "Files name disks as the target's kernel does (/dev/vda1) instead of by UUID." };

    private readonly Option<bool> _relabel = new("--selinux-relabel") { Description = "The guest labels all its files anew at its first boot. Not needed: what the conversion writes is labelled by the guest's own policy." };

    public void AddTo(Command command)
    {
        _to.AcceptOnlyFromAmong([.. KnownTargets.Names]);
        _compress.AcceptOnlyFromAmong("none", "zlib", "zstd");
        foreach (var option in new Option[] { _to, _format, _compress, _keepFree, _name, _grub, _package, _clone, _names, _relabel })
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
            Packages = [.. parsed.GetValue(_package) ?? []],
            Options = new ConversionOptions { Target = target, DiskFormat = format, Compression = compress, KeepFreeSpace = parsed.GetValue(_keepFree), Name = parsed.GetValue(_name), IsClone = parsed.GetValue(_clone), UsesTargetDeviceNames = parsed.GetValue(_names), RelabelsAll = parsed.GetValue(_relabel) },
        };
    }

    public string? Name(ParseResult parsed) => parsed.GetValue(_name);
}
