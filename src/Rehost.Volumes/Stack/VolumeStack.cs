using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Volumes.Luks;

namespace Rehost.Volumes.Stack;

/// <summary>All volumes of a machine, put together as far as they go: partitions, arrays, volume groups, encrypted volumes, one on top of the other in any order.</summary>
/// <param name="Nodes">Every volume. Disks and their partitions come first, disk by disk; what is put together comes after what it is made of.</param>
/// <param name="Groups">Volume groups.</param>
/// <param name="Findings">What the operator should know.</param>
public sealed record VolumeStack(ImmutableArray<VolumeNode> Nodes, ImmutableArray<VolumeGroupNode> Groups, ImmutableArray<Diagnostic> Findings)
{
    /// <summary>Puts the volumes of a machine together. The disks belong to the caller and must outlive the stack.</summary>
    /// <exception cref="DiagnosticException">A disk cannot be read, or its partition table is beyond use.</exception>
    /// <param name="disks">The disks, in the machine's order.</param>
    /// <param name="keys">Keys of encrypted volumes; null for none.</param>
    public static VolumeStack Assemble(IReadOnlyList<StackDisk> disks, VolumeKeys? keys = null) => new StackAssembler(keys).Assemble(disks);
}
