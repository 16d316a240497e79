using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Volumes;
using Rehost.Volumes.Swap;

namespace Rehost.Inspection.Storage;

/// <summary>Reads the partition table of each disk and tells what each volume holds.</summary>
internal static class VolumeReader
{
    /// <summary>Disks and volumes of a machine.</summary>
    public static (IReadOnlyList<DiskFacts> Disks, IReadOnlyList<GuestVolume> Volumes) Read(VirtualMachine machine, IReadOnlyList<IBlockDevice> disks, List<Diagnostic> findings)
    {
        var facts = new List<DiskFacts>();
        var volumes = new List<GuestVolume>();
        for (var i = 0; i < disks.Count; i++)
        {
            var disk = machine.Disks[i];
            var table = PartitionTable.Read(disks[i]);
            findings.AddRange(table.Diagnostics.Select(one => one with { Where = one.Where is null ? disk.DeviceName : $"{disk.DeviceName}, {one.Where}" }));
            facts.Add(ToFacts(disk, disks[i], table));
            if (table.Kind == PartitionTableKind.None)
            {
                volumes.Add(Open(disks[i], null, new VolumeFacts { DeviceName = Unused(volumes, disk.DeviceName), DiskId = disk.Id, LengthBytes = disks[i].Length }, findings));
                continue;
            }

            foreach (var partition in table.Partitions.Where(partition => !partition.IsExtended && partition.Length > 0))
            {
                volumes.Add(Open(partition.Open(disks[i]), partition.Name.Length > 0 ? partition.Name : null, new VolumeFacts
                {
                    DeviceName = Unused(volumes, DeviceName.OfPartition(disk.DeviceName, partition.Number)),
                    DiskId = disk.Id,
                    PartitionNumber = partition.Number,
                    Offset = partition.Start.Value,
                    LengthBytes = partition.Length,
                    PartitionUuid = partition.PartUuid,
                }, findings));
            }
        }

        return (facts, volumes);
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

    private static GuestVolume Open(IBlockDevice device, string? partitionLabel, VolumeFacts facts, List<Diagnostic> findings)
    {
        if (device.Length >= 4096 && KnownFileSystems.Identify(device) is { } format)
        {
            return OpenFileSystem(format, new GuestVolume(facts, device, partitionLabel), findings);
        }

        if (SwapSignature.TryRead(device) is { } swap)
        {
            return new GuestVolume(
                facts with { Content = VolumeContent.Swap, Type = "swap", Uuid = Known(swap.Uuid), Label = Known(swap.Label), IsClean = !swap.IsHibernated }, device, partitionLabel);
        }

        var signature = VolumeSignature.Recognize(device);
        return new GuestVolume(
            signature is null ? facts : facts with { Content = VolumeContent.Other, Type = signature.Type, Uuid = signature.Uuid, Label = signature.Label }, device, partitionLabel);
    }

    private static GuestVolume OpenFileSystem(IFileSystemFormat format, GuestVolume volume, List<Diagnostic> findings)
    {
        // Asked before opening: afterwards the journal is replayed, and the file system looks clean.
        var wasInUse = NeedsRecovery(volume.Device);
        try
        {
            var fileSystem = format.Open(volume.Device, new FileSystemOpenOptions());
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
                IsClean = info.IsClean && !wasInUse,
                ReadOnlyReason = info.ReadOnlyReason,
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

    /// <summary>A hostile description may give two disks one name; names of volumes are keys.</summary>
    private static string Unused(List<GuestVolume> volumes, string name)
    {
        var unique = name;
        for (var i = 2; volumes.Any(volume => volume.Name == unique); i++)
        {
            unique = $"{name}#{i}";
        }

        return unique;
    }
}
