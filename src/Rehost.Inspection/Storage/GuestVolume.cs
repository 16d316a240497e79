using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Volumes.Stack;

namespace Rehost.Inspection.Storage;

/// <summary>A partition, an unpartitioned disk or a volume put together from others, opened.</summary>
public sealed class GuestVolume
{
    internal GuestVolume(VolumeFacts facts, IBlockDevice device, string? partitionLabel)
    {
        Facts = facts;
        Device = device;
        PartitionLabel = partitionLabel;
    }

    /// <summary>What is known of it.</summary>
    public VolumeFacts Facts { get; internal set; }

    /// <summary>Its content; belongs to the disk.</summary>
    public IBlockDevice Device { get; }

    /// <summary>Its file system; null when it has none that Rehost reads.</summary>
    public IFileSystem? FileSystem { get; internal set; }

    /// <summary>The tree of files that is the guest's root, of a file system with subvolumes; otherwise the file system itself.</summary>
    public IFileSystem? RootTree { get => field ?? FileSystem; internal set; }

    /// <summary>The volume through which the file system on this one is open, when it lies on several; null when it does not, or is open here.</summary>
    internal GuestVolume? OpenThrough { get; set; }

    /// <summary>Why its file system cannot be read; null when it can, or has none.</summary>
    public Diagnostic? Problem { get; internal set; }

    /// <summary>GPT's partition name; null when there is none.</summary>
    public string? PartitionLabel { get; }

    /// <summary>Its place in the stack of volumes; null when it is looked at alone.</summary>
    public VolumeNode? Node { get; internal init; }

    /// <summary>Device name in the source guest.</summary>
    public string Name => Facts.DeviceName;
}
