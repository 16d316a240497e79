using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>A hypervisor that machines are written for: what it offers a guest, and what its configuration looks like.</summary>
internal interface ITargetKind
{
    /// <summary>As --to names it.</summary>
    string Name { get; }

    /// <summary>What it offers a guest, before it is fitted to what the guest can use.</summary>
    TargetCapabilities Capabilities { get; }

    /// <summary>Formats of its disks, the usual one first. Of ova and xva one file holds the machine with all its disks.</summary>
    ImmutableArray<string> DiskFormats { get; }

    /// <summary>The file that is the machine: its configuration, or the package.</summary>
    string ConfigurationFile(VirtualMachine machine);

    /// <summary>Files of text beside the disks, the configuration last.</summary>
    /// <param name="record">The conversion, disks written.</param>
    /// <param name="directory">Full path of where they will be.</param>
    IEnumerable<TargetText> Describe(ConversionRecord record, string directory);

    /// <summary>Starts the file that holds all disks; only where the disk format is one of those.</summary>
    IDiskPackage BeginPackage(IImageFile file, ConversionPlan plan, GuestFacts facts) => throw new NotSupportedException("each disk is a file");

    /// <summary>What is left to do by hand, for people.</summary>
    IEnumerable<string> ChecksByHand(ConversionRecord record);
}

/// <summary>A file of text.</summary>
/// <param name="Name">Its name in the output directory.</param>
/// <param name="Text">Its content.</param>
internal readonly record struct TargetText(string Name, string Text);
