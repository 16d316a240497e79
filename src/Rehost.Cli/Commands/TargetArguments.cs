using System.CommandLine;
using Rehost.Model;
using Rehost.Pipeline;

namespace Rehost.Cli.Commands;

/// <summary>The options that say what the target shall be.</summary>
internal sealed class TargetArguments
{
    private readonly Option<string> _to = new("--to") { Description = "Target hypervisor: kvm.", Required = true };
    private readonly Option<string> _format = new("--disk-format") { Description = "Format of the target's disks: qcow2, raw.", DefaultValueFactory = _ => "qcow2" };
    private readonly Option<string> _compress = new("--compress") { Description = "Compression of qcow2: none, zlib, zstd.", DefaultValueFactory = _ => "none" };
    private readonly Option<bool> _keepFree = new("--keep-free-space") { Description = "Copy what nothing uses too: free blocks with the bytes of deleted files, the inside of swap space, extents that no logical volume has." };
    private readonly Option<string?> _name = new("--name") { Description = "Name of the target machine; default: the source's." };
    private readonly Option<string?> _grub = new("--grub-dir") { Description = "Directory of GRUB's i386-pc files; default: the guest's own, then this machine's usual places." };

    public void AddTo(Command command)
    {
        _to.AcceptOnlyFromAmong("kvm");
        _format.AcceptOnlyFromAmong("qcow2", "raw");
        _compress.AcceptOnlyFromAmong("none", "zlib", "zstd");
        foreach (var option in new Option[] { _to, _format, _compress, _keepFree, _name, _grub })
        {
            command.Options.Add(option);
        }
    }

    public TargetRequest Read(ParseResult parsed, string? output)
    {
        var format = parsed.GetRequiredValue(_format);
        var compress = parsed.GetRequiredValue(_compress);
        if (format == "raw" && compress != "none")
        {
            throw PipelineDiagnostics.BadOption.ToException("raw images cannot be compressed", "--compress");
        }

        return new TargetRequest(parsed.GetRequiredValue(_to))
        {
            OutputDirectory = output,
            GrubDirectory = parsed.GetValue(_grub),
            Options = new ConversionOptions { DiskFormat = format, Compression = compress, KeepFreeSpace = parsed.GetValue(_keepFree), Name = parsed.GetValue(_name) },
        };
    }

    public string? Name(ParseResult parsed) => parsed.GetValue(_name);
}
