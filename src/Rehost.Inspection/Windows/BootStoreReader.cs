using System.Collections.Immutable;
using System.Globalization;
using Rehost.FileSystems;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.WindowsRegistry.BootConfiguration;

namespace Rehost.Inspection.Windows;

/// <summary>Reads the boot configuration of Windows: stores on the EFI system partition, on System Reserved, on the system volume; boot.ini before Windows Vista.</summary>
internal sealed class BootStoreReader(GuestStorage storage, GuestReader reader)
{
    private static readonly string[] Places = ["/Boot/BCD", "/EFI/Microsoft/Boot/BCD"];
    private static readonly uint[] Shown = [BcdNames.ApplicationPath, BcdNames.Description, BcdNames.SystemRoot, BcdNames.RecoverySequence, BcdNames.RecoveryEnabled];

    /// <summary>All stores; those on volumes that the guest does not mount have paths like /xvda1:/Boot/BCD.</summary>
    public ImmutableArray<BootStoreFacts> Read()
    {
        var stores = ImmutableArray.CreateBuilder<BootStoreFacts>();
        foreach (var (volume, prefix) in Volumes())
        {
            foreach (var place in Places)
            {
                if (reader.Find(prefix + place) is { Kind: NodeKind.File } node && ReadStore(node.Path, volume) is { } store)
                {
                    stores.Add(store);
                }
            }

            if (reader.Find(prefix + "/boot.ini") is { Kind: NodeKind.File } ini)
            {
                stores.Add(ReadBootIni(ini.Path, volume));
            }
        }

        return stores.ToImmutable();
    }

    private IEnumerable<(GuestVolume Volume, string Prefix)> Volumes()
        => storage.Volumes.Where(volume => ReferenceEquals(volume.FileSystem, storage.Root.FileSystem)).Select(volume => (volume, ""))
            .Concat(storage.Tree.Mounts.Where(mount => mount.Path.EndsWith(':')).Select(mount => (storage.Volumes.First(volume => ReferenceEquals(volume.FileSystem, mount.FileSystem)), mount.Path)));

    private BootStoreFacts? ReadStore(string path, GuestVolume volume)
    {
        try
        {
            var store = BcdStore.Open(WindowsHives.OpenHive(storage.Tree, path));
            var elements = from entry in store.All
                           from element in entry.Elements
                           where element.Format == BcdElementFormat.Device || (entry.Type == BcdNames.WindowsLoader && Shown.Contains(element.Type))
                           select ToFacts(entry, element);
            return new BootStoreFacts
            {
                Path = path,
                VolumeName = volume.Name,
                DefaultEntry = store.BootManager?.Find(BcdNames.DefaultEntry) is { } chosen ? chosen.AsId().ToString("b") : null,
                TimeoutSeconds = store.Timeout is { } timeout and <= int.MaxValue ? (long)timeout : null,
                Elements = [.. elements],
            };
        }
        catch (DiagnosticException e)
        {
            reader.Findings.Add(WindowsDiagnostics.BootStoreUnreadable.Create(e.Diagnostic.ToString(), path));
            return null;
        }
    }

    private BootElementFacts ToFacts(BcdObject entry, BcdElement element)
    {
        var partition = element.Format == BcdElementFormat.Device ? element.AsDevice().Partition : null;
        var (disk, id) = partition switch
        {
            BcdPartition.Mbr mbr => (mbr.DiskSignature.ToString("x8", CultureInfo.InvariantCulture), mbr.Offset.ToString(CultureInfo.InvariantCulture)),
            BcdPartition.Gpt gpt => (gpt.DiskId.ToString("D"), gpt.PartitionId.ToString("D")),
            _ => ((string?)null, (string?)null),
        };
        return new BootElementFacts
        {
            ObjectId = entry.Id.ToString("b"),
            ObjectType = entry.Type,
            ElementType = element.Type,
            Name = BcdNames.NameOf(element.Type, entry.Type),
            Text = element.ToString(),
            DiskTableId = disk,
            PartitionId = id,
            VolumeName = disk is null || id is null ? null : VolumeNames.OfPartition(storage, disk, id),
        };
    }

    // multi(0)disk(0)rdisk(0)partition(1)\WINDOWS="…" /fastdetect: the partition counts from 1 among those in use.
    private BootStoreFacts ReadBootIni(string path, GuestVolume volume)
    {
        var lines = (reader.Text(path) ?? "").Split('\n').Select(line => line.Trim()).ToList();
        return new BootStoreFacts
        {
            Path = path,
            VolumeName = volume.Name,
            DefaultEntry = lines.FirstOrDefault(line => line.StartsWith("default=", StringComparison.OrdinalIgnoreCase))?["default=".Length..],
            TimeoutSeconds = lines.FirstOrDefault(line => line.StartsWith("timeout=", StringComparison.OrdinalIgnoreCase)) is { } timeout
                && int.TryParse(timeout.AsSpan("timeout=".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : null,
            Elements = [.. lines.Where(line => line.Contains("partition(", StringComparison.OrdinalIgnoreCase) && line.Contains("=\"", StringComparison.Ordinal)).Select(line => new BootElementFacts
            {
                ObjectId = line[..line.IndexOf('=', StringComparison.Ordinal)], ObjectType = 0, ElementType = 0, Name = "entry", Text = line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..],
            })],
        };
    }
}
