using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Rehost.Archives.Packages;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Conversion.Packages;
using Rehost.FileSystems;
using Rehost.Inspection;
using Rehost.Inspection.Tests.Guests;
using Rehost.Model;
using Rehost.Planning;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>A guest that cannot be had: its files in their real places and forms, on disks as its installer makes them.</summary>
internal sealed class PhonyGuest : IDisposable
{
    public const string RootUuid = "11111111-2222-3333-4444-555555555555";
    public const string BootUuid = "22222222-3333-4444-5555-666666666666";
    public const string SwapUuid = "33333333-4444-5555-6666-777777777777";

    private readonly GuestImage _image = new();
    private readonly List<(string Device, string Path)> _disks = [];

    private readonly List<(string Name, byte[] Content)> _packages = [];

    public required VirtualMachine Machine { get; init; }

    /// <summary>What the operator asks for beside the target.</summary>
    public ConversionOptions Options { get; init; } = new();

    public GuestImage Image => _image;

    /// <summary>Kernel with its modules (name, what it needs), index and configuration.</summary>
    public PhonyGuest Kernel(string release, string configuration, params (string Module, string Needs)[] modules) => Kernel(release, ".ko", configuration, modules);

    public PhonyGuest Kernel(string release, string suffix, string configuration, params (string Module, string Needs)[] modules)
    {
        _image.File($"/boot/vmlinuz-{release}", GuestImage.Kernel(release)).File($"/boot/config-{release}", configuration).Folder($"/lib/modules/{release}/kernel");
        foreach (var (module, needs) in modules)
        {
            _image.File($"/lib/modules/{release}/kernel/{module}{suffix}", Packed(ElfFile.Module(needs.Replace(' ', ',')), suffix));
        }

        string PathOf(string name) => "kernel/" + modules.Single(one => one.Module[(one.Module.LastIndexOf('/') + 1)..].Replace('-', '_') == name.Replace('-', '_')).Module + suffix;
        var index = string.Concat(modules.Select(one => $"kernel/{one.Module}{suffix}:{string.Concat(one.Needs.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(need => " " + PathOf(need)))}\n"));
        _image.File($"/lib/modules/{release}/modules.dep", index);
        return this;
    }

    public PhonyGuest Package(string name, byte[] content)
    {
        _packages.Add((name, content));
        return this;
    }

    public PhonyGuest Disk(string device, string path)
    {
        _disks.Add((device, path));
        return this;
    }

    /// <summary>An ext file system of a part of the tree, the same bytes each time but for times.</summary>
    public byte[] Ext(string type, string uuid, string? label, int mebibytes, string? part = null)
    {
        string[] options = ["-t", type, "-U", uuid, "-b", "1024", .. label is null ? Array.Empty<string>() : ["-L", label]];
        return File.ReadAllBytes(_image.MakeFileSystem("fs" + mebibytes + type, mebibytes, part, options));
    }

    public byte[] Swap(int mebibytes, string? label = null)
    {
        var path = _image.Scratch("swap");
        File.WriteAllBytes(path, new byte[mebibytes << 20]);
        Tool.MustRun("mkswap", ["-q", "-U", SwapUuid, .. label is null ? Array.Empty<string>() : ["-L", label], path]);
        return File.ReadAllBytes(path);
    }

    /// <summary>Inspects, plans for each target, applies, and compares with the reviewed baselines; REHOST_WRITE_BASELINES=1 writes them.</summary>
    public void Check(string name, params TargetCapabilities[] targets)
    {
        foreach (var target in targets)
        {
            var overlays = _disks.Select(disk => new OverlayDevice(FileDevice.OpenRead(disk.Path), OverlayStore.InMemory(), ownsBelow: true)).ToList();
            try
            {
                var machine = Machine with { Disks = [.. _disks.Zip(overlays, (disk, overlay) => new VirtualDisk { Id = disk.Device, DeviceName = disk.Device, LengthBytes = overlay.Length })] };
                var installed = Install(machine, overlays);
                using var inspected = GuestInspector.Open(machine, [.. overlays], Planner.Reads);

                // How much a file system uses and which features it has are mke2fs's choice, not ours.
                var facts = inspected.Facts with { Findings = [.. inspected.Facts.Findings.Where(finding => finding.Id != "INS008")], Volumes = [.. inspected.Facts.Volumes.Select(volume => volume with { UsedBytes = 0, Features = [] })], Packages = installed?.Packages, Prepared = installed?.Prepared };
                var kind = target.Hypervisor.ToString().ToLowerInvariant();
                var options = Options with { Target = kind };
                var plan = Planner.Plan(facts, target, options);
                Baselines.Compare($"{name}/facts.json", ModelJson.Serialize(facts));
                Baselines.Compare($"{name}/{kind}/plan.json", ModelJson.Serialize(plan with { Steps = [.. plan.Steps.Select(Short)] }));
                Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
                Baselines.Compare($"{name}/{kind}/changes.diff", Apply(plan, inspected, overlays, installed));
                if (target.Mode == VirtualizationMode.Paravirtual)
                {
                    Baselines.Compare($"{name}/{kind}/pygrub.txt", Pygrub(overlays[0]));
                }

                // What was converted is the guest again, and its plan for the same target has nothing left to edit in its menu and mounts.
                var again = Planner.Plan(facts, plan.Capabilities, options);
                Assert.Equal(ModelJson.Serialize(plan), ModelJson.Serialize(again));
            }
            finally
            {
                overlays.ForEach(overlay => overlay.Dispose());
            }
        }
    }

    public void Dispose() => _image.Dispose();

    private InstalledPackages? Install(VirtualMachine machine, List<OverlayDevice> overlays)
    {
        if (_packages.Count == 0)
        {
            return null;
        }

        using var before = GuestInspector.Open(machine, [.. overlays], Planner.Reads);
        return PackageInstaller.Install(before.Storage.Tree, before.Facts, [.. _packages.Select(package => new SuppliedFile(package.Name, Convert.ToHexStringLower(SHA256.HashData(package.Content)), SoftwarePackage.Open(new MemoryStream(package.Content), package.Name)))]);
    }

    /// <summary>What the real pygrub would start, from the disk as we leave it.</summary>
    private static string Pygrub(OverlayDevice disk)
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[disk.Length];
        disk.Read(new GuestOffset(0), content);
        File.WriteAllBytes(scratch["disk"], content);
        var output = Tool.MustRun("pygrub", "-q", "--output-directory", scratch.Path, "--output-format", "simple", scratch["disk"]);
        return Regex.Replace(output.Replace('\0', '\n'), @"(?<=/boot_(kernel|ramdisk))\.\S+", "", RegexOptions.CultureInvariant).Replace(scratch.Path, "", StringComparison.Ordinal);
    }

    // The texts of edits are in the diffs already.
    private static StepOutcome Short(StepOutcome step) => step with
    {
        Changes = [.. step.Changes.Select(change => change switch
        {
            EditFile edit => edit with { Content = "…", Diff = "…" },
            RewriteInitramfs rewrite => rewrite with { ScriptContent = "…", Diff = "…" },
            _ => change,
        })],
    };

    private static string Apply(ConversionPlan plan, InspectedGuest inspected, List<OverlayDevice> overlays, InstalledPackages? installed)
    {
        var tree = inspected.Storage.Tree;
        var paths = plan.Changes.Where(change => change is WriteFile or EditFile or DeleteFile or MakeLink or ExtendInitramfs or RewriteInitramfs or PrepareFile { Diff: not null }).Select(change => change.Subject).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        bool IsEdited(string path) => plan.Changes.Any(change => change is EditFile edit && edit.Path == path);
        var before = paths.ToDictionary(path => path, path => Text(tree, path, IsEdited(path)), StringComparer.Ordinal);
        var disks = inspected.Facts.Machine.Disks.Zip(overlays, (disk, overlay) => new TargetDisk(disk.Id, overlay)).ToList();
        PlanApplier.Apply(plan, new ApplyContext(tree, disks) { InstalledPackages = [.. installed?.Packages.Select(package => package.Sha256) ?? []] });
        return string.Concat(paths.Select(path => UnifiedDiff.Create(path, before[path], Text(tree, path, IsEdited(path)))));
    }

    private static string Text(GuestTree tree, string path, bool followsLinks) => tree.TryResolve(path, followsLinks) switch
    {
        null => "",
        { Kind: NodeKind.SymbolicLink } => $"link to {tree.ReadLink(path)}\n",
        _ when path.StartsWith("/boot/init", StringComparison.Ordinal) => PhonyInitramfs.List(tree.ReadAllBytes(path, 100 << 20)),
        _ => tree.ReadText(path),
    };

    private static byte[] Packed(byte[] module, string suffix)
    {
        if (suffix == ".ko")
        {
            return module;
        }

        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["in"], module);
        Tool.MustRun("sh", "-c", $"{(suffix == ".ko.xz" ? "xz" : suffix == ".ko.zst" ? "zstd -q" : "gzip -n")} < '{scratch["in"]}' > '{scratch["out"]}'");
        return File.ReadAllBytes(scratch["out"]);
    }
}
