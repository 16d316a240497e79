using System.Collections.Immutable;
using System.CommandLine;
using System.Text.RegularExpressions;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Sources;

namespace Rehost.Cli.Commands;

/// <summary>The argument and options that name a source, the same for every verb that reads one.</summary>
internal sealed partial class SourceArguments
{
    private readonly Argument<string> _path = new("source") { Description = "An XVA, an OVA or OVF, a domain of libvirt, a .vmx, an xl or xm configuration or what Xen prints of a guest (xl list -l, xm list --long, xenstore-ls), the directory of a XenServer storage repository, or a disk image of any format that Rehost reads; or a machine on a host: xenserver://root@host/web01, xen+ssh://root@host/web01." };
    private readonly Option<string?> _kind = new("--source-kind") { Description = "What the source is, when the guess is wrong: xva, ovf, libvirt, vmx, xen, sr, disk." };
    private readonly Option<string?> _machine = new("--machine") { Description = "Name or UUID of the guest in what Xen printed of several (xl list -l, xm list --long, xenstore-ls)." };
    private readonly Option<string?> _format = new("--source-format") { Description = "Format of a bare disk image, when the guess is wrong: raw, qcow2, vmdk, vhd, vhdx, vdi." };
    private readonly Option<string?> _device = new("--device-name") { Description = "Name by which the guest knows a bare disk image: xvda1, sda; default: xvda." };
    private readonly Option<string[]> _disks = new("--disk") { Description = "A further disk of a machine given as bare images, as PATH or NAME=PATH (xvda2=swap.img); may be repeated, the order counts." };
    private readonly Option<int> _memory = new("--memory") { Description = "Memory in MiB of a machine given as bare images.", DefaultValueFactory = _ => 1024 };
    private readonly Option<int> _cpus = new("--cpus") { Description = "Virtual processors of a machine given as bare images.", DefaultValueFactory = _ => 1 };
    private readonly Option<string[]> _macs = new("--mac") { Description = "MAC address of a network adapter of a machine given as bare images; may be repeated." };

    private readonly RemoteArguments _remote = new();
    private readonly Option<string[]> _vdis = new("--vdi") { Description = "UUID of a disk in the directory of a XenServer storage repository that is the source (UUID.vhd, VHD-UUID, LV-UUID); may be repeated, the order counts." };
    private readonly Option<string[]> _keys = KeyOption();
    private readonly Option<string[]> _allowed = new("--allow-path") { Description = "A directory or file outside of the source's own directory that its images may refer to (backing files, extents, parents); may be repeated." };
    private readonly Option<string> _onReadError = OnReadErrorOption();
    private readonly Option<string?> _snapshot = new("--snapshot") { Description = "An internal snapshot of a qcow2 image, by name or id, in place of the present state." };

    /// <summary>What to do about bad sectors.</summary>
    public static Option<string> OnReadErrorOption()
    {
        var option = new Option<string>("--on-read-error") { Description = "Where the source cannot be read: stop, or zero (take zeros for the bad sectors, and list them with the files they belong to).", DefaultValueFactory = _ => "stop" };
        option.AcceptOnlyFromAmong("stop", "zero");
        return option;
    }

    /// <summary>What the option says.</summary>
    public static ReadErrorPolicy ReadPolicy(ParseResult parsed, Option<string> option) => parsed.GetValue(option) == "zero" ? ReadErrorPolicy.Zero : ReadErrorPolicy.Stop;

    public void AddTo(Command command)
    {
        _kind.AcceptOnlyFromAmong([.. KnownSources.Names]);
        _format.AcceptOnlyFromAmong("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi");
        command.Arguments.Add(_path);
        foreach (var option in new Option[] { _kind, _machine, _format, _device, _disks, _memory, _cpus, _macs, _vdis, _keys, _allowed, _snapshot, _onReadError })
        {
            command.Options.Add(option);
        }

        _remote.AddTo(command);
    }

    public SourceRequest Read(ParseResult parsed, string? name = null)
    {
        var macs = parsed.GetValue(_macs) ?? [];
        foreach (var mac in macs.Where(mac => !MacAddress().IsMatch(mac)))
        {
            throw PipelineDiagnostics.BadOption.ToException($"'{mac}' is no MAC address such as 00:16:3e:01:02:03", "--mac");
        }

        return new SourceRequest(parsed.GetRequiredValue(_path))
        {
            Kind = parsed.GetValue(_kind),
            Machine = parsed.GetValue(_machine),
            DiskFormat = parsed.GetValue(_format),
            DeviceName = parsed.GetValue(_device) is { } device ? DeviceNameOf(device, "--device-name") : null,
            MoreDisks = [.. (parsed.GetValue(_disks) ?? []).Select(ReadDisk)],
            Name = name,
            MemoryBytes = InRange(parsed.GetValue(_memory), 16, 64 << 20, "--memory") * (1L << 20),
            VirtualCpus = InRange(parsed.GetValue(_cpus), 1, 4096, "--cpus"),
            MacAddresses = [.. macs],
            Vdis = [.. parsed.GetValue(_vdis) ?? []],
            AllowedPaths = [.. parsed.GetValue(_allowed) ?? []],
            Snapshot = parsed.GetValue(_snapshot),
            OnReadError = ReadPolicy(parsed, _onReadError),
            Keys = ReadKeys(parsed, _keys),
            Remote = _remote.Read(parsed, parsed.GetRequiredValue(_path)),
        };
    }

    /// <summary>Where keys of encrypted volumes come from; every verb that opens volumes has it.</summary>
    public static Option<string[]> KeyOption() => new("--key") { Description = "Passphrase or key file of an encrypted volume (LUKS), as file:PATH or prompt, with NAME= before it for one volume by its UUID or device name (xvda3=file:key); may be repeated." };

    public static ImmutableArray<KeySource> ReadKeys(ParseResult parsed, Option<string[]> option) => [.. (parsed.GetValue(option) ?? []).Select(ReadKey)];

    // A path may hold '=': only what looks like a device name before it is one.
    private static BareDisk ReadDisk(string given)
    {
        var separator = given.IndexOf('=', StringComparison.Ordinal);
        return separator > 0 && DeviceName().IsMatch(given[..separator]) ? new BareDisk(given[(separator + 1)..], given[..separator]) : new BareDisk(given);
    }

    // A passphrase itself is never taken: arguments can be read by every user of this computer.
    private static KeySource ReadKey(string given)
    {
        const string file = "file:";
        var start = given == "prompt" || given.StartsWith(file, StringComparison.Ordinal) ? 0 : given.IndexOf('=', StringComparison.Ordinal) + 1;
        var volume = start > 1 ? given[..(start - 1)] : null;
        var source = given[start..];
        return source == "prompt" ? new KeySource(volume, null)
            : source.StartsWith(file, StringComparison.Ordinal) && source.Length > file.Length ? new KeySource(volume, source[file.Length..])
            : throw PipelineDiagnostics.BadOption.ToException("a key is given as file:PATH or prompt, with NAME= before it for one volume", "--key");
    }

    private static string DeviceNameOf(string name, string option)
        => DeviceName().IsMatch(name) ? name : throw PipelineDiagnostics.BadOption.ToException($"'{name}' is no device name such as xvda1 or sda", option);

    [GeneratedRegex("^(xvd|sd|hd|vd)[a-z]{1,2}[0-9]{0,3}$", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceName();

    private static int InRange(int value, int least, int most, string option)
        => value >= least && value <= most ? value : throw PipelineDiagnostics.BadOption.ToException($"{value} is not between {least} and {most}", option);

    [GeneratedRegex("^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$", RegexOptions.CultureInvariant)]
    private static partial Regex MacAddress();
}
