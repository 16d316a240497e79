using System.Globalization;
using Rehost.Blocks;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Conversion.Initramfs;
using Rehost.FileSystems;
using Rehost.FileSystems.Fat;
using Rehost.Model;
using Rehost.Volumes;
using Rehost.Volumes.Mbr;

namespace Rehost.Conversion.Appliers;

/// <summary>Adds a FAT partition of ours behind everything else, and fills it. The guest's own volumes are only read.</summary>
internal sealed class AddHelperPartitionApplier() : ChangeApplier<AddHelperPartition>(ApplyPhase.Layout)
{
    private const int ChunkSize = 1 << 20;
    private const byte MbrFat32 = 0x0c;
    private const byte MbrEfiSystem = 0xef;

    /// <summary>Basic data: nothing in a guest mounts it by itself, as systemd does with the types that the Discoverable Partitions Specification names.</summary>
    private static readonly Guid GptBasicData = new("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7");

    protected override void Check(AddHelperPartition change, ApplyContext context)
    {
        var disk = context.Disk(change.DiskId);
        if (change.Offset % Lba.SectorSize != 0 || change.LengthBytes % Lba.SectorSize != 0 || change.LengthBytes <= 0 || change.Offset < disk.Device.Length || change.TargetLength < change.Offset + change.LengthBytes)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"{change.LengthBytes} bytes at {change.Offset} of a disk that will have {change.TargetLength}, and has {disk.Device.Length}", change.DiskId);
        }

        _ = Serial(change);
        foreach (var file in change.Files)
        {
            Check(file, context);
        }
    }

    protected override void Apply(AddHelperPartition change, ApplyContext context, CancellationToken cancellationToken)
    {
        var disk = context.Disk(change.DiskId);
        disk.Grow(change.TargetLength);
        AddEntry(change, disk.Device);
        var device = new SliceDevice(disk.Device, new GuestOffset(change.Offset), change.LengthBytes, $"{change.DiskId}, helper partition");
        FatFormatter.Format(device, new FatFormatOptions(change.Label, Serial(change)) { HiddenSectors = (uint)Math.Min(uint.MaxValue, change.Offset / Lba.SectorSize) });
        using var fileSystem = FatFileSystem.Open(device, new FileSystemOpenOptions());
        var tree = new GuestTree(fileSystem);
        foreach (var file in change.Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            tree.CreateDirectories(GuestPaths.DirectoryOf(file.Path));
            Write(file, tree, context, cancellationToken);
        }

        fileSystem.Flush();
    }

    private static void Check(HelperFile file, ApplyContext context)
    {
        context.Secrets.Learn(file.Content ?? "", file.Path);
        switch (file)
        {
            case { CopyOf: { } path, Sha256: { } hash }:
                context.Expected.Demand(path, hash);
                break;
            case { CopyOf: { } path } when context.Tree.TryResolve(path)?.Kind != NodeKind.File:
                throw ApplyDiagnostics.Missing.ToException("the plan copies this file to the helper partition, and it is not there", path);
            case { CopyOf: { } path, Part: { } part } when part.Offset < 0 || part.Length < 0 || part.Offset > context.Tree.Resolve(path).Metadata.Length - part.Length:
                throw ApplyDiagnostics.NotAsSeen.ToException($"the plan copies {part.Length} bytes at {part.Offset}; it has {context.Tree.Resolve(path).Metadata.Length}", path);
            case { Drivers: { } drivers }:
                foreach (var module in drivers.Modules)
                {
                    ModuleFile.DemandThere(context.Tree, module, file.Path);
                }

                break;
            case { Loader: { } loader }:
                _ = EarlyConfig(loader).ToText();
                _ = Files(loader, context);
                break;
            default:
                break;
        }
    }

    private static void AddEntry(AddHelperPartition change, IBlockDevice device)
    {
        var table = PartitionTable.Read(device);
        switch (table.Kind)
        {
            case PartitionTableKind.Gpt:
                var editor = GptEditor.Open(device, table.SectorSize, change.DiskId);
                editor.Grow(change.TargetLength);
                editor.Add(change.IsEfiSystem ? PartitionTypes.EfiSystem : GptBasicData, change.Offset / table.SectorSize, change.LengthBytes / table.SectorSize, change.Label);
                break;
            case PartitionTableKind.Mbr:
                Span<byte> sector = stackalloc byte[MbrTable.SectorLength];
                device.Read(GuestOffset.Zero, sector);
                var mbr = MbrTable.Parse(sector);
                var number = Enumerable.Range(1, 4).FirstOrDefault(number => !mbr.Entries.Any(entry => entry.Number == number));
                if (number == 0)
                {
                    throw ApplyDiagnostics.TableFull.ToException("all four entries of the MBR are in use", change.DiskId);
                }

                mbr.With(new MbrEntry(number, change.IsEfiSystem ? MbrEfiSystem : MbrFat32, new Lba(change.Offset / Lba.SectorSize), change.LengthBytes / Lba.SectorSize, IsBootable: false)).WriteTo(device);
                break;
            default:
                throw ApplyDiagnostics.LayoutNotAsSeen.ToException("a partition is to be added, and there is no partition table", change.DiskId);
        }
    }

    private static void Write(HelperFile file, GuestTree tree, ApplyContext context, CancellationToken cancellationToken)
    {
        switch (file)
        {
            case { Content: { } text }:
                tree.WriteFile(file.Path, GuestText.Encode(context.Secrets.Restore(text, file.Path)), new NodeAttributes(0x1A4));
                break;
            case { CopyOf: { } from }:
                tree.WriteFile(file.Path, ReadOnlySpan<byte>.Empty, new NodeAttributes(0x1A4));
                Copy(context.Tree.Resolve(from), file.Part, tree.Resolve(file.Path), cancellationToken);
                break;
            case { Drivers: { } drivers }:
                tree.WriteFile(file.Path, HelperArchives.Build(context.Tree, drivers, cancellationToken), new NodeAttributes(0x1A4));
                break;
            case { Loader: { } loader }:
                var program = Grub2EfiImage.Build(Files(loader, context), GrubModules.FullEfi, loader.Prefix, EarlyConfig(loader).ToText());
                tree.WriteFile(file.Path, program, new NodeAttributes(0x1A4));
                break;
            default:
                throw ApplyDiagnostics.Contradiction.ToException("a file of a helper partition has no content", file.Path);
        }
    }

    private static void Copy(GuestNode from, FilePart? part, GuestNode to, CancellationToken cancellationToken)
    {
        var buffer = new byte[ChunkSize];
        var (start, length) = part is null ? (0, from.Metadata.Length) : (part.Offset, part.Length);
        for (long done = 0; done < length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = from.FileSystem.Read(from.Node, start + done, buffer.AsSpan(0, (int)Math.Min(ChunkSize, length - done)));
            if (count <= 0)
            {
                throw ApplyDiagnostics.NotAsSeen.ToException($"it ends after {done} of {length} bytes", from.Path);
            }

            to.FileSystem.Write(to.Node, done, buffer.AsSpan(0, count));
            done += count;
        }
    }

    private static IGrubFiles Files(EfiLoader loader, ApplyContext context) => loader.GuestModulesPath is { } directory
        ? InstallBootloaderApplier.GuestFiles(directory, context)
        : GrubFileLocator.FindEfi(context.HostGrubDirectory);

    private static GrubEarlyConfig EarlyConfig(EfiLoader loader)
        => InstallBootloaderApplier.EarlyConfig(loader.FileSystemUuid, loader.Prefix, loader.ConfigurationPath, loader.ConfigurationKind, loader.SerialConsole);

    private static uint Serial(AddHelperPartition change)
        => uint.TryParse(change.VolumeId.Replace("-", "", StringComparison.Ordinal), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var serial)
            ? serial
            : throw ApplyDiagnostics.Contradiction.ToException($"\"{change.VolumeId}\" is no serial number of a FAT file system", change.DiskId);
}
