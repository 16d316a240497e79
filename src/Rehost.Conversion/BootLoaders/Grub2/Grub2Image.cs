using System.Buffers.Binary;
using Rehost.Conversion.BootLoaders.Grub2.Lzma;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>
/// Assembles core.img for BIOS machines out of GRUB's unmodified files, as grub-mkimage -O i386-pc does: diskboot.img, lzma_decompress.img, and behind them
/// compressed the kernel and the module area (docs/formats/grub2-bios.md). Nothing is linked: GRUB's kernel links the modules as it starts.
/// </summary>
public static class Grub2Image
{
    internal const int SectorSize = 512;
    internal const int BlockListOffset = SectorSize - 12;
    internal const int BlockListSectors = BlockListOffset + 8;
    internal const int BlockListSegment = BlockListOffset + 10;

    /// <summary>Where sector 1 of the core image is loaded: segment 0x820, address 0x8200.</summary>
    internal const ushort LoadSegment = 0x820;

    private const uint DecompressorAddress = 0x8200;

    /// <summary>The core image without its first sector must end below this (GRUB_MEMORY_MACHINE_UPPER, less what the BIOS may use).</summary>
    private const int LinkAddress = 0x9000;
    private const int UpperLimit = 0x78000;

    private const int CompressedSizeOffset = 0x08;
    private const int UncompressedSizeOffset = 0x0c;
    private const int RedundancyOffset = 0x10;
    private const int MaximumDecompressor = (int)(LinkAddress - DecompressorAddress);

    /// <summary>Builds the core image.</summary>
    /// <param name="files">GRUB's files.</param>
    /// <param name="modules">Modules to embed; what they need comes with them. See <see cref="GrubModules.Full"/>.</param>
    /// <param name="prefix">$prefix at start, such as /boot/grub or (,msdos1)/boot/grub.</param>
    /// <param name="earlyConfig">Commands that run first, in the rescue parser; null for none. See <see cref="GrubEarlyConfig"/>.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="DiagnosticException">A file is missing or damaged, a module unknown, or the result too large (GRB002 to GRB005).</exception>
    public static byte[] Build(IGrubFiles files, IEnumerable<string> modules, string prefix, string? earlyConfig, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        var plain = BuildPayload(files, modules, prefix, earlyConfig);
        var disk = ReadDiskBoot(files);
        var decompressor = ReadDecompressor(files);
        var packed = LzmaEncoder.Encode(plain, cancellation);
        BinaryPrimitives.WriteInt32LittleEndian(decompressor.AsSpan(CompressedSizeOffset), packed.Length);
        BinaryPrimitives.WriteInt32LittleEndian(decompressor.AsSpan(UncompressedSizeOffset), plain.Length);

        // No Reed-Solomon codes: grub-install --no-rs-codes. They guard against other software writing into the gap.
        BinaryPrimitives.WriteInt32LittleEndian(decompressor.AsSpan(RedundancyOffset), 0);
        var loaded = decompressor.Length + packed.Length;
        if (LinkAddress + loaded > UpperLimit)
        {
            throw GrubDiagnostics.CoreTooLarge.ToException($"{loaded} bytes behind the first sector; {UpperLimit - LinkAddress} are possible", files.Description);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(disk.AsSpan(BlockListSectors), (ushort)((loaded + SectorSize - 1) / SectorSize));
        return [.. disk, .. decompressor, .. packed];
    }

    /// <summary>What is compressed: the flat kernel, then the module area.</summary>
    internal static byte[] BuildPayload(IGrubFiles files, IEnumerable<string> modules, string prefix, string? earlyConfig)
    {
        var kernel = GrubKernel.Flatten(files.Read("kernel.img"), files.Description);
        return [.. kernel, .. GrubModuleArea.Build(files, modules, prefix, earlyConfig, is64Bit: false)];
    }

    private static byte[] ReadDiskBoot(IGrubFiles files)
    {
        var disk = files.Read("diskboot.img");
        return disk.Length == SectorSize && BinaryPrimitives.ReadUInt16LittleEndian(disk.AsSpan(BlockListSegment)) == LoadSegment
            ? disk
            : throw GrubDiagnostics.FileMalformed.ToException($"{disk.Length} bytes, or no block list that loads to segment 0x{LoadSegment:x}", $"{files.Description}/diskboot.img");
    }

    private static byte[] ReadDecompressor(IGrubFiles files)
    {
        var decompressor = files.Read("lzma_decompress.img");
        return decompressor.Length is > RedundancyOffset + 4 and <= MaximumDecompressor
            ? decompressor
            : throw GrubDiagnostics.FileMalformed.ToException($"{decompressor.Length} bytes; {MaximumDecompressor} at most fit below the kernel", $"{files.Description}/lzma_decompress.img");
    }
}
