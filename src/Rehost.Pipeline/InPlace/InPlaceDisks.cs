using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Transfer.Undo;

namespace Rehost.Pipeline.InPlace;

/// <summary>The guest's disks, held for writing.</summary>
internal sealed class InPlaceDisks : IDisposable
{
    private readonly List<ExclusiveDevice> _disks = [];

    /// <summary>The disks, in order.</summary>
    public IReadOnlyList<ExclusiveDevice> All => _disks;

    /// <summary>Opens disks and refuses what is no raw disk.</summary>
    /// <exception cref="DiagnosticException">One is in use (BLK007), of a format with tables of its own (UND007), or given twice.</exception>
    public static InPlaceDisks Open(IEnumerable<string> paths, bool anyContent)
    {
        var disks = new InPlaceDisks();
        try
        {
            foreach (var path in paths)
            {
                var disk = ExclusiveDevice.Open(path);
                disks._disks.Add(disk);
                if (disk.Length == 0)
                {
                    throw UndoDiagnostics.NotInPlace.ToException("it is empty", path);
                }

                if (!anyContent && KnownDiskFormats.Identify(disk) is { Name: not "raw" } format)
                {
                    throw UndoDiagnostics.NotInPlace.ToException($"it is of the format {format.Name}; only raw disks are written in place", path);
                }
            }

            return disks;
        }
        catch
        {
            disks.Dispose();
            throw;
        }
    }

    /// <summary>The disks for those who only read; they stay with this object.</summary>
    public ImmutableArray<IBlockDevice> ForReading() => [.. _disks.Select(disk => new SliceDevice(disk, GuestOffset.Zero, disk.Length, disk.Path))];

    /// <inheritdoc/>
    public void Dispose() => _disks.ForEach(disk => disk.Dispose());
}
