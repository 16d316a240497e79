using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Model;
using Rehost.Planning.Network;
using Rehost.Planning.Windows;

namespace Rehost.Planning;

/// <summary>
/// What a step works with: the facts, the target, and the guest's text files as earlier steps will have left them. Collects the step's changes.
/// </summary>
public sealed class PlanningContext
{
    private readonly Dictionary<string, string?> _pending = new(StringComparer.Ordinal);
    private readonly List<Diagnostic> _findings = [];
    private readonly List<string> _checks = [];
    private ConversionStep? _step;
    private ImmutableArray<Change>.Builder _changes = ImmutableArray.CreateBuilder<Change>();
    private string? _skipped;
    private readonly List<string> _placed = [];
    private RegistryView? _registry;

    /// <summary>Starts a plan.</summary>
    public PlanningContext(GuestFacts facts, TargetCapabilities target, ConversionOptions options)
    {
        Facts = facts;
        Target = target;
        Options = options;
        Devices = new DeviceNames(facts, target, options.UsesTargetDeviceNames);
        Addresses = new TargetAddresses(facts, target, options);
    }

    /// <summary>What is known of the guest.</summary>
    public GuestFacts Facts { get; }

    /// <summary>What the target offers.</summary>
    public TargetCapabilities Target { get; }

    /// <summary>What the operator asked for.</summary>
    public ConversionOptions Options { get; }

    /// <summary>Whether no volume of the guest may be written to.</summary>
    public bool IsZeroWrite { get; init; }

    /// <summary>Device names of source and target.</summary>
    public DeviceNames Devices { get; }

    /// <summary>The registry of a Windows guest, earlier steps considered.</summary>
    /// <exception cref="InvalidOperationException">The guest is not Windows.</exception>
    public RegistryView Registry => _registry ??= new RegistryView(this, Facts.Windows ?? throw new InvalidOperationException("the guest is not Windows"));

    /// <summary>MAC addresses of the target's adapters.</summary>
    internal TargetAddresses Addresses { get; }

    /// <summary>The plan's table of network interfaces, filled by the step that keeps their names.</summary>
    internal List<InterfacePlan> Network { get; } = [];

    /// <summary>Findings of all steps so far.</summary>
    public IReadOnlyList<Diagnostic> Findings => _findings;

    /// <summary>What to look at by hand, of all steps so far.</summary>
    public IReadOnlyList<string> ChecksByHand => _checks;

    /// <summary>Disks that will hold the boot loader, decided by the layout step.</summary>
    public BootDisk? BootDisk { get; set; }

    /// <summary>Runs one step.</summary>
    public StepOutcome Run(ConversionStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        _step = step;
        _skipped = null;
        _changes = ImmutableArray.CreateBuilder<Change>();
        if (IsZeroWrite && step.EditsGuest)
        {
            Skip("the guest's volumes stay as they are");
        }
        else
        {
            step.Plan(this);
        }

        var changes = _changes.ToImmutable();
        return new StepOutcome
        {
            StepId = step.Id,
            Title = step.Title,
            Changes = changes,
            SkippedBecause = changes.IsEmpty ? _skipped ?? "nothing to change" : null,
        };
    }

    /// <summary>Says why a step has nothing to do.</summary>
    public void Skip(string because) => _skipped = because;

    /// <summary>Adds a finding for the operator.</summary>
    public void Report(Diagnostic finding) => _findings.Add(finding);

    /// <summary>Adds something to look at after the first boot.</summary>
    public void CheckByHand(string what) => _checks.Add(what);

    /// <summary>Text of a file as earlier steps will have left it; null when there is none.</summary>
    public string? Text(string path)
        => _pending.TryGetValue(path, out var pending) ? pending : Facts.Files.GetValueOrDefault(path)?.Text;

    /// <summary>Whether there is something at a path, earlier steps considered.</summary>
    public bool Exists(string path)
        => _pending.TryGetValue(path, out var pending) ? pending is not null : Facts.Files.ContainsKey(path);

    /// <summary>Paths of files that lie directly in a directory, earlier steps not considered.</summary>
    public IEnumerable<GuestFile> FilesIn(string directory)
    {
        var prefix = directory + "/";
        return Facts.Files.Values.Where(file => file.Path.StartsWith(prefix, StringComparison.Ordinal) && !file.Path.AsSpan(prefix.Length).Contains('/'));
    }

    /// <summary>Gives a file new content: an edit where it exists, a new file where not, nothing where the content is the same.</summary>
    public void SetText(string path, string content, string reason, int permissionsIfNew = 0x1A4)
    {
        var before = Text(path);
        if (before == content)
        {
            return;
        }

        _pending[path] = content;
        if (before is null)
        {
            Add(new WriteFile { StepId = Step.Id, Requirements = Step.Requirements, Reason = reason, Path = path, Content = content, Permissions = permissionsIfNew });
        }
        else
        {
            Add(new EditFile
            {
                StepId = Step.Id,
                Requirements = Step.Requirements,
                Reason = reason,
                Path = path,
                BeforeSha256 = SeenHash(path, before),
                Content = content,
                Diff = UnifiedDiff.Create(path, before, content),
            });
        }
    }

    /// <summary>Paths of files and links that the steps so far make and that the guest does not have, in order.</summary>
    public IEnumerable<string> NewPaths => _pending.Where(item => item.Value is not null && !Facts.Files.ContainsKey(item.Key)).Select(item => item.Key).Order(StringComparer.Ordinal);

    /// <summary>Removes a file or link that exists.</summary>
    public void Delete(string path, string reason)
    {
        _pending[path] = null;
        Add(new DeleteFile { StepId = Step.Id, Requirements = Step.Requirements, Reason = reason, Path = path });
    }

    /// <summary>Makes a symbolic link unless it is there already.</summary>
    public void Link(string path, string target, string reason)
    {
        if (Facts.Files.GetValueOrDefault(path) is { Kind: GuestFileKind.Link } existing && existing.LinkTarget == target && !_pending.ContainsKey(path))
        {
            return;
        }

        _pending[path] = "";
        Add(new MakeLink { StepId = Step.Id, Requirements = Step.Requirements, Reason = reason, Path = path, Target = target });
    }

    /// <summary>Guest paths of supplied files that the steps so far put in place.</summary>
    public IEnumerable<string> PlannedPaths => _placed;

    /// <summary>Adds a change.</summary>
    public void Add(Change change)
    {
        _changes.Add(change);
        if (change is PlaceFile place)
        {
            _placed.Add(place.Path);
        }
    }

    /// <summary>The running step.</summary>
    public ConversionStep Step => _step ?? throw new InvalidOperationException("a context is used by running a step");

    // A text with marks in the place of secrets is not what the guest has; its hash was taken when it was read.
    private string SeenHash(string path, string text)
        => Facts.Files.GetValueOrDefault(path) is { Sha256: { } seen } file && file.Text == text && SecretText.SourcesOf(text).Count > 0 ? seen : Hash(text);

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(GuestText.Encode(text)));
}

/// <summary>Where the boot loader goes.</summary>
/// <param name="Disk">The disk.</param>
/// <param name="Volume">The volume that holds the boot loader's configuration.</param>
/// <param name="IsWrapped">Whether the disk gets its first partition table by this conversion.</param>
/// <param name="CoreOffset">Offset of a BIOS boot partition, or null for the gap behind the first sector.</param>
/// <param name="CoreCapacity">Bytes that core.img may take.</param>
/// <param name="TargetLength">Bytes of the disk on the target, before a helper partition is added.</param>
public sealed record BootDisk(DiskFacts Disk, VolumeFacts Volume, bool IsWrapped, long? CoreOffset, long CoreCapacity, long TargetLength)
{
    /// <summary>Number of the partition that holds the configuration, on the target.</summary>
    public int PartitionNumber => IsWrapped ? 1 : Volume.PartitionNumber;

    /// <summary>GRUB's name of that partition on the target: hd0,msdos1. The firmware numbers the disk it starts from 0.</summary>
    public string GrubName => $"hd0,{(Disk.Scheme == PartitionScheme.Gpt ? "gpt" : "msdos")}{PartitionNumber}";
}
