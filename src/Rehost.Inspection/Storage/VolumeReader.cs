using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Volumes;
using Rehost.Volumes.Luks;
using Rehost.Volumes.Stack;
using Rehost.Volumes.Swap;

namespace Rehost.Inspection.Storage;

/// <summary>Puts the volumes of a machine together and tells what each holds.</summary>
internal static class VolumeReader
{
    /// <summary>Disks and volumes of a machine.</summary>
    public static OpenVolumes Read(VirtualMachine machine, IReadOnlyList<IBlockDevice> disks, VolumeKeys? keys, List<Diagnostic> findings)
    {
        var stack = VolumeStack.Assemble([.. machine.Disks.Zip(disks, (disk, device) => new StackDisk(disk.DeviceName, device))], keys);
        findings.AddRange(stack.Findings);
        var roots = stack.Nodes.Where(node => node.Kind == VolumeKind.Disk).ToList();
        var facts = roots.Select((node, index) => ToFacts(machine.Disks[index], disks[index], node.Table ?? PartitionTable.Read(disks[index]))).ToList();
        var ids = roots.Select((node, index) => (node, machine.Disks[index].Id)).ToDictionary(one => one.node, one => one.Id);
        var volumes = stack.Nodes.Where(node => !node.IsDivided).Select(node => Open(node, ids, stack, findings)).ToList();
        JoinDevices(volumes);
        var groups = stack.Groups.Select(group => new VolumeGroupFacts
        {
            Name = group.Name,
            Uuid = group.Uuid,
            LengthBytes = group.LengthBytes,
            FreeBytes = group.FreeRanges.Sum(ranges => ranges.Sum(range => range.Length)),
            PhysicalVolumes = [.. group.PhysicalVolumes.Select(node => node.Name)],
            MissingPhysicalVolumes = group.MissingPhysicalVolumes,
            LogicalVolumes = [.. group.LogicalVolumes.Select(node => node.Name)],
        });
        return new OpenVolumes(stack, facts, volumes, [.. groups]);
    }

    private static GuestVolume Open(VolumeNode node, Dictionary<VolumeNode, string> ids, VolumeStack stack, List<Diagnostic> findings)
    {
        var bottom = node;
        while (!bottom.Below.IsEmpty)
        {
            bottom = bottom.Below[0];
        }

        var isOnDisk = node.Kind == VolumeKind.Disk || (node.Kind == VolumeKind.Partition && node.Below[0].Kind == VolumeKind.Disk);
        var facts = new VolumeFacts
        {
            DeviceName = node.Name,
            DiskId = ids[bottom],
            PartitionNumber = node.Partition?.Number ?? 0,
            Offset = node.Partition?.Start.Value ?? 0,
            LengthBytes = node.Device.Length,
            PartitionUuid = node.Partition?.PartUuid,
            Kind = node.Kind,
            BuiltOn = isOnDisk ? [] : [.. node.Below.Select(one => one.Name)],
            PartOf = node.PartOf,
            Layout = node.Layout,
        };
        var label = node.Partition is { Name.Length: > 0 } named ? named.Name : null;
        if (node.HasOwnContent)
        {
            return Open(node.Device, label, facts, node, stack, findings);
        }

        facts = facts with
        {
            Content = VolumeContent.Other,
            Type = node.MemberType,
            Uuid = node.MemberUuid,
            ReadOnlyReason = node.Problem?.ToString(),
        };
        return new GuestVolume(facts, node.Device, label) { Node = node, Problem = node.Problem };
    }

    /// <summary>How a volume's file system is opened: with all others beside it, in case that it lies on several.</summary>
    public static FileSystemOpenOptions OptionsFor(GuestVolume volume, VolumeStack stack)
        => new() { Companions = [.. stack.Nodes.Where(node => node.HasOwnContent && !ReferenceEquals(node.Device, volume.Device) && node.Device.Length >= 4096).Select(node => node.Device)] };

    /// <summary>
    /// A file system on several volumes is opened once: through the first of them. Each of them would open it, and two that are written to would not know of each other.
    /// </summary>
    private static void JoinDevices(List<GuestVolume> volumes)
    {
        foreach (var same in volumes.Where(volume => volume is { FileSystem: ISubvolumes, Facts.Uuid: not null }).GroupBy(volume => volume.Facts.Uuid).Where(group => group.Count() > 1))
        {
            var first = same.First();
            foreach (var other in same.Skip(1))
            {
                other.FileSystem?.Dispose();
                other.FileSystem = null;
                other.OpenThrough = first;
                other.Facts = other.Facts with { PartOf = first.Name, UsedBytes = 0 };
            }

            first.Facts = first.Facts with { Layout = first.Facts.Layout ?? $"on {string.Join(", ", same.Select(volume => volume.Name))}" };
        }
    }

    private static DiskFacts ToFacts(VirtualDisk disk, IBlockDevice device, PartitionTable table)
    {
        var biosBoot = table.Kind == PartitionTableKind.Gpt ? table.Partitions.FirstOrDefault(partition => partition.TypeId == PartitionTypes.ToTypeId(PartitionTypes.BiosBoot)) : null;
        return new DiskFacts
        {
            DiskId = disk.Id,
            DeviceName = disk.DeviceName,
            LengthBytes = device.Length,
            Scheme = table.Kind switch
            {
                PartitionTableKind.Mbr => PartitionScheme.Mbr,
                PartitionTableKind.Gpt => PartitionScheme.Gpt,
                _ => PartitionScheme.None,
            },
            SectorBytes = table.Kind == PartitionTableKind.Gpt && table.SectorSize != 512 ? table.SectorSize : null,
            TableId = table.Kind == PartitionTableKind.None ? null : table.DiskId,
            FirstPartitionOffset = table.Kind == PartitionTableKind.None || table.Partitions.IsEmpty ? 0 : table.FirstUsedByte(device).Value,
            HasBootCode = HasBootCode(device),
            BiosBootPartitionOffset = biosBoot?.Start.Value,
            BiosBootPartitionLength = biosBoot?.Length ?? 0,
        };
    }

    /// <summary>Whether the first bytes, which a BIOS would run, are anything but zeros, and the sector is marked as one to start.</summary>
    private static bool HasBootCode(IBlockDevice device)
    {
        if (device.Length < 512)
        {
            return false;
        }

        Span<byte> sector = stackalloc byte[512];
        device.Read(GuestOffset.Zero, sector);
        return sector[510] == 0x55 && sector[511] == 0xaa && sector[..440].ContainsAnyExcept((byte)0);
    }

    private static GuestVolume Open(IBlockDevice device, string? partitionLabel, VolumeFacts facts, VolumeNode node, VolumeStack stack, List<Diagnostic> findings)
    {
        if (device.Length >= 4096 && KnownFileSystems.Identify(device) is { } format)
        {
            return OpenFileSystem(format, new GuestVolume(facts, device, partitionLabel) { Node = node }, stack, findings);
        }

        if (SwapSignature.TryRead(device) is { } swap)
        {
            facts = facts with { Content = VolumeContent.Swap, Type = "swap", Uuid = Known(swap.Uuid), Label = Known(swap.Label), IsClean = !swap.IsHibernated };
        }
        else if (VolumeSignature.Recognize(device) is { } signature)
        {
            facts = facts with { Content = VolumeContent.Other, Type = signature.Type, Uuid = signature.Uuid, Label = signature.Label };
        }

        return new GuestVolume(facts, device, partitionLabel) { Node = node };
    }

    private static GuestVolume OpenFileSystem(IFileSystemFormat format, GuestVolume volume, VolumeStack stack, List<Diagnostic> findings)
    {
        // Asked before opening: afterwards the journal is replayed, and the file system looks clean.
        var wasInUse = format.Name == "ext" && NeedsRecovery(volume.Device);
        try
        {
            var fileSystem = format.Open(volume.Device, OptionsFor(volume, stack));
            var info = fileSystem.Info;
            volume.FileSystem = fileSystem;
            volume.Facts = volume.Facts with
            {
                Content = VolumeContent.FileSystem,
                Type = info.Type,
                Uuid = info.Uuid,
                Label = info.Label,
                UsedBytes = info.UsedBytes,
                Features = [.. info.Features],
                IsClean = info.IsClean && !info.WasRecovered && !wasInUse,
                ReadOnlyReason = volume.Node?.ReadOnlyReason?.ToString() ?? info.ReadOnlyReason,
            };
            if (!volume.Facts.IsClean)
            {
                findings.Add(InspectionDiagnostics.JournalReplayed.Create($"the {info.Type} file system was in use when the disk was copied", volume.Name));
            }
        }
        catch (DiagnosticException e)
        {
            // Kept as a finding: another volume may be the root, and then the machine can still be converted.
            findings.Add(InspectionDiagnostics.VolumeNotOpened.Create(e.Diagnostic.ToString(), volume.Name));
            volume.Problem = e.Diagnostic;
            volume.Facts = volume.Facts with { Content = VolumeContent.Other, Type = format.Name, ReadOnlyReason = e.Diagnostic.ToString() };
        }

        return volume;
    }

    /// <summary>Whether an ext3 or ext4 file system says that its journal must be replayed: feature needs_recovery in the superblock's s_feature_incompat.</summary>
    private static bool NeedsRecovery(IBlockDevice device)
    {
        const int incompatibleFeatures = 1024 + 0x60;
        const uint recover = 0x4;
        Span<byte> field = stackalloc byte[4];
        device.Read(new GuestOffset(incompatibleFeatures), field);
        return (System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(field) & recover) != 0;
    }

    private static string? Known(string text) => text.Length == 0 ? null : text;
}
