using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>GRUB's boot code, patched for one disk and ready to be written: two ranges of sectors.</summary>
/// <param name="BootSector">Sector 0, with the disk's own partition table in it.</param>
/// <param name="FirstSector">Where the core image goes.</param>
/// <param name="Core">The core image, filled up to whole sectors.</param>
/// <param name="Place">The place in words, for the report.</param>
public sealed record Grub2Embedding(ImmutableArray<byte> BootSector, Lba FirstSector, ImmutableArray<byte> Core, string Place)
{
    /// <summary>Sectors of the core image.</summary>
    public int Sectors => Core.Length / Lba.SectorSize;

    /// <summary>Writes the core image, then the boot sector that points to it.</summary>
    /// <exception cref="DiagnosticException">The disk cannot be written.</exception>
    public void WriteTo(IBlockDevice disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        disk.Write(FirstSector.ToOffset(), Core.AsSpan());
        disk.Write(GuestOffset.Zero, BootSector.AsSpan());
    }
}
