using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>
/// A Btrfs on one or several devices. After each batch btrfs check must find nothing, also in the content; the kernel's mount must hold what the model holds, and the kernel
/// writes too, makes a snapshot, and scrubs. Snapshots made before must hold what they held.
/// </summary>
internal sealed class BtrfsUnderTest : ImageUnderTest
{
    private readonly BtrfsProfile _profile;
    private readonly ScratchDirectory _scratch;
    private readonly BtrfsImage _disks;
    private readonly List<string> _snapshots = [];

    public BtrfsUnderTest(BtrfsProfile profile, ScratchDirectory scratch)
    {
        (_profile, _scratch) = (profile, scratch);
        _disks = new BtrfsImage(scratch, profile.Mkfs, profile.Devices, profile.Mebibytes);
        if (profile.HasSnapshots)
        {
            _disks.Fill(profile.MountOptions, $$"""
                btrfs -q subvolume create @; {{profile.Setup}}
                btrfs subvolume set-default $(btrfs subvolume list . | awk '$NF == "@" { print $2 }') .
                """);
        }
    }

    public override IFileSystem Open() => _disks.OpenToWrite();

    public override string? FindFault() => _disks.FindFault();

    public override void CompareAfterBatch(InMemoryFileSystem model)
    {
        using (_disks.Mount("ro"))
        {
            MountedTree.Compare(model, _disks.MountPoint, _scratch["list"], isMount: true);
        }

        var options = _profile.MountOptions.Length > 0 ? _profile.MountOptions + "," : "";
        using (_disks.Mount(options + "subvolid=5"))
        {
            var at = _disks.MountPoint;
            for (var i = 0; i < _snapshots.Count; i++)
            {
                ModelComparison.Demand(Manifest(at, i) == _snapshots[i], $"snapshot {i}", "does not hold what it held");
            }

            if (_profile.HasSnapshots)
            {
                Tool.MustRun("btrfs", "-q", "subvolume", "snapshot", $"{at}/@", $"{at}/snap{_snapshots.Count}");
                _snapshots.Add(Manifest(at, _snapshots.Count));
            }

            if (!_profile.BecomesFull)
            {
                Tool.MustRun("sh", "-c", $"cd '{at}' && seq 3000 > kernel-wrote && sync && rm kernel-wrote");
            }

            var scrub = Tool.MustRun("btrfs", "scrub", "start", "-B", at);
            ModelComparison.Demand(scrub.Contains("no errors found", StringComparison.Ordinal), "scrub", scrub);
        }
    }

    public override void CompareAtEnd(InMemoryFileSystem model, IFileSystem subject)
    {
        // The kernel has looked after the last batch, as after each.
    }

    public override void Close() => _disks.Close();

    private static string Manifest(string directory, int snapshot)
        => Tool.MustRun("sh", "-c", $"cd '{directory}/snap{snapshot}' && (find . -printf '%P %y %m %U %G %s %n %l %T@\\n' | sort; find . -type f -size -20000k -print0 | sort -z | xargs -0r sha256sum; getfattr -Rhd -m- . 2>/dev/null) | sha256sum");
}
