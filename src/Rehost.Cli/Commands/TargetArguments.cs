using System.Collections.Immutable;
using System.CommandLine;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Targets;

namespace Rehost.Cli.Commands;

/// <summary>The options that say what the target shall be.</summary>
internal sealed class TargetArguments
{
    private readonly Option<string?> _to = new("--to") { Description = $"Target hypervisor: {string.Join(", ", KnownTargets.Names)}." };
    private readonly Option<string?> _format = new("--disk-format") { Description = "Format of the target's disks: qcow2 or raw where the target has the choice." };
    private readonly Option<string> _compress = new("--compress") { Description = "Compression of qcow2: none, zlib, zstd; of an XVA: none, zstd.", DefaultValueFactory = _ => "none" };
    private readonly Option<bool> _keepFree = new("--keep-free-space") { Description = "Copy what nothing uses too: free blocks with the bytes of deleted files, the inside of swap space, extents that no logical volume has." };
    private readonly Option<string?> _name = new("--name") { Description = "Name of the target machine; default: the source's." };
    private readonly Option<string?> _xenBoot = new("--xen-boot") { Description = "How a guest of Xen or XenServer starts: pygrub (PV, from its own menu), pvgrub (PV, GRUB for Xen in dom0 reads its menu on any file system), direct (PV, kernel and initramfs in dom0), pvh, hvm (firmware); default: the first that the guest can." };
    private readonly Option<int?> _xenVersion = new("--xen-version") { Description = "Major version of plain Xen: 3 writes the configuration in the syntax of xm." };
    private readonly Option<string?> _onPowerOff = new("--on-poweroff") { Description = "What a Xen host does when the guest turns itself off: destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart; default: what the source says, else destroy." };
    private readonly Option<string?> _onReboot = new("--on-reboot") { Description = "What a Xen host does when the guest restarts; default: what the source says, else restart." };
    private readonly Option<string?> _onCrash = new("--on-crash") { Description = "What a Xen host does when the guest crashes; default: what the source says, else restart." };
    private readonly Option<bool> _xenFrameBuffer = new("--xen-vnc") { Description = "Give a PV guest of plain Xen a frame buffer with VNC on the host's loopback address." };
    private readonly Option<string?> _xenServerVersion = new("--xenserver-version") { Description = $"Release of XenServer or XCP-ng that shall import the machine: {KnownTargets.XenServerReleases}; default: an archive that every release since 5.6 reads." };
    private readonly Option<string?> _diskLayout = new("--disk-layout") { Description = "disks: as they are. partitions: each partition becomes a device of its own, xvda1, xvda2 …, without a table (plain Xen, PV and PVH)." };
    private readonly Option<string[]> _diskTarget = new("--disk-target") { Description = "NAME=PATH: write the target's disk NAME (xvda, xvdb1) straight onto a block device, or to a new file. The device must be large enough, unused and empty." };
    private readonly Option<bool> _overwrite = new("--overwrite-device", "--force") { Description = "Block devices of --disk-target may lose what they hold." };
    private readonly Option<string?> _grub = new("--grub-dir") { Description = "Directory of GRUB's i386-pc files; default: the guest's own, then this machine's usual places." };
    private readonly Option<string?> _firmware = new("--firmware") { Description = "Firmware of the target: bios or uefi; default: the source's, BIOS where it has none." };
    private readonly Option<string> _changes = new("--guest-changes") { Description = "What may be changed in the guest's volumes: all, or none (a helper partition then holds what the guest needs; kernel updates do not reach it).", DefaultValueFactory = _ => "all" };
    private readonly Option<string[]> _package = new("--package") { Description = "An rpm or deb for the guest, which is unpacked into it: a kernel that runs on the target (with initramfs and menu entry), tools of the target's hypervisor. No script of it is run. Repeatable." };
    private readonly Option<bool> _clone = new("--clone") { Description = "The target is a copy that runs beside the source: new MAC addresses, UUID, machine-id and SSH host keys. Without it the machine keeps its identity." };
    private readonly Option<bool> _names = new("--target-device-names") { Description = "Files name disks as the target's kernel does (/dev/vda1) instead of by UUID." };
    private readonly Option<bool> _relabel = new("--selinux-relabel") { Description = "The guest labels all its files anew at its first boot. Not needed: what the conversion writes is labelled by the guest's own policy." };

    private readonly Option<string?> _drivers = new("--virtio-win") { Description = "Drivers for Windows: the ISO of virtio-win, its directory, the tree of its RPM, or any directory with .inf files." };
    private readonly Option<string[]> _installers = new("--first-boot-install") { Description = "An installer (.msi or .exe) that Windows runs once at its first start: the guest agent; may be repeated." };

    /// <summary>What says where files come from and go to, and not what the plan is.</summary>
    private Option[] BesidePlan => [_grub, _package, _overwrite, _drivers, _installers];

    private Option[] All =>
    [
        _to, _format, _compress, _keepFree, _name, _grub, _firmware, _changes, _package, _clone, _names, _relabel,
        _xenBoot, _onPowerOff, _onReboot, _onCrash, _xenVersion, _xenFrameBuffer, _xenServerVersion, _diskLayout, _diskTarget, _overwrite, _drivers, _installers,
    ];

    /// <summary>Adds the options.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="isTargetRequired">Whether there is no other way to say what the target is, as a plan document does.</param>
    public void AddTo(Command command, bool isTargetRequired = true)
    {
        _to.Required = isTargetRequired;
        _firmware.AcceptOnlyFromAmong("bios", "uefi");
        _changes.AcceptOnlyFromAmong("all", "none");
        _to.AcceptOnlyFromAmong([.. KnownTargets.Names]);
        _compress.AcceptOnlyFromAmong("none", "zlib", "zstd");
        foreach (var action in new[] { _onPowerOff, _onReboot, _onCrash })
        {
            action.AcceptOnlyFromAmong([.. EventActions.Words]);
        }

        _xenBoot.AcceptOnlyFromAmong("pygrub", "pvgrub", "direct", "pvh", "hvm");
        _diskLayout.AcceptOnlyFromAmong("disks", "partitions");
        Array.ForEach(All, command.Options.Add);
    }

    /// <summary>Adds what can be said beside a plan document.</summary>
    public void AddBesidePlanTo(Command command) => Array.ForEach(BesidePlan, command.Options.Add);

    /// <summary>What is said beside a plan document, which decides everything else.</summary>
    /// <exception cref="DiagnosticException">Something that the plan decides was given too (PLD011).</exception>
    public TargetRequest ReadBesidePlan(ParseResult parsed, PlanDocument document, string? output)
    {
        foreach (var option in All.Except(BesidePlan))
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                throw PlanDocumentDiagnostics.DecidedByPlan.ToException("it was given together with a plan", option.Name);
            }
        }

        return new TargetRequest(document.Plan.Options.Target)
        {
            OutputDirectory = output,
            GrubDirectory = parsed.GetValue(_grub),
            Drivers = parsed.GetValue(_drivers),
            FirstBootInstallers = [.. parsed.GetValue(_installers) ?? []],
            Packages = [.. parsed.GetValue(_package) ?? []],
            Options = document.Plan.Options with { OverwritesDevices = parsed.GetValue(_overwrite) },
        };
    }

    public TargetRequest Read(ParseResult parsed, string? output)
    {
        var target = parsed.GetValue(_to) ?? throw PipelineDiagnostics.BadOption.ToException("neither --to nor --plan was given", "--to");
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
            Packages = [.. parsed.GetValue(_package) ?? []],
            Options = new ConversionOptions
            {
                Target = target,
                DiskFormat = format,
                Compression = compress,
                KeepFreeSpace = parsed.GetValue(_keepFree),
                Name = parsed.GetValue(_name),
                Firmware = parsed.GetValue(_firmware) switch { "bios" => Firmware.Bios, "uefi" => Firmware.Uefi, _ => null },
                GuestChanges = parsed.GetValue(_changes) == "none" ? GuestChanges.None : null,
                IsClone = parsed.GetValue(_clone),
                UsesTargetDeviceNames = parsed.GetValue(_names),
                RelabelsAll = parsed.GetValue(_relabel),
                XenBoot = parsed.GetValue(_xenBoot) is { } boot && target is not ("xen" or "xenserver") ? throw NotFor(target, "--xen-boot", boot) : parsed.GetValue(_xenBoot),
                EventActions = EventsOf(parsed, target),
                XenVersion = XenVersion(parsed, target),
                XenFrameBuffer = parsed.GetValue(_xenFrameBuffer),
                XenServerVersion = XenServerVersion(parsed, target, compress),
                DiskLayout = parsed.GetValue(_diskLayout) is "disks" or null ? null : target == "xen" ? "partitions" : throw NotFor(target, "--disk-layout", "partitions"),
                DiskTargets = DiskTargets(parsed, format),
                OverwritesDevices = parsed.GetValue(_overwrite),
            },
        };
    }

    private EventActions? EventsOf(ParseResult parsed, string target)
    {
        var chosen = new EventActions(parsed.GetValue(_onPowerOff), parsed.GetValue(_onReboot), parsed.GetValue(_onCrash));
        return (chosen.PowerOff ?? chosen.Reboot ?? chosen.Crash) is not { } word ? null : target is "xen" or "xenserver" ? chosen : throw NotFor(target, "--on-poweroff, --on-reboot or --on-crash", word);
    }

    private int? XenVersion(ParseResult parsed, string target) => parsed.GetValue(_xenVersion) switch
    {
        null => null,
        _ when target != "xen" => throw NotFor(target, "--xen-version", "a version"),
        >= 3 and <= 4 and var version => version,
        var version => throw PipelineDiagnostics.BadOption.ToException($"{version} is neither 3 nor 4", "--xen-version"),
    };

    private string? XenServerVersion(ParseResult parsed, string target, string compress)
    {
        if (parsed.GetValue(_xenServerVersion) is not { } name)
        {
            return null;
        }

        if (target != "xenserver")
        {
            throw NotFor(target, "--xenserver-version", name);
        }

        KnownTargets.DemandXenServerRelease(name, compress);
        return name;
    }

    private ImmutableSortedDictionary<string, string>? DiskTargets(ParseResult parsed, string format)
    {
        if (parsed.GetValue(_diskTarget) is not { Length: > 0 } given)
        {
            return null;
        }

        if (format != "raw")
        {
            throw PipelineDiagnostics.BadOption.ToException($"devices take raw disks, not {format}: add --disk-format raw where the target has it", "--disk-target");
        }

        var targets = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var text in given)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || equals == text.Length - 1 || targets.ContainsKey(text[..equals]) || targets.ContainsValue(Path.GetFullPath(text[(equals + 1)..])))
            {
                throw PipelineDiagnostics.BadOption.ToException($"'{text}' is not NAME=PATH, or its name or path was given already", "--disk-target");
            }

            targets.Add(text[..equals], Path.GetFullPath(text[(equals + 1)..]));
        }

        return targets.ToImmutable();
    }

    private static DiagnosticException NotFor(string target, string option, string value) => PipelineDiagnostics.BadOption.ToException($"{target} has no choice of that ({value})", option);

    public string? Name(ParseResult parsed) => parsed.GetValue(_name);
}
