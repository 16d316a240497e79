using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>A kind of VHD that is written.</summary>
/// <param name="Name">As the operator writes it.</param>
/// <param name="IsFixed">Whether all of the disk is stored.</param>
/// <param name="Alignment">What the size of the disk is rounded up to.</param>
/// <param name="Creator">Whom the footer names: QEMU takes the footer's size only from creators it knows, and cuts off the end of the disk for others.</param>
/// <param name="CreatorVersion">Its version.</param>
/// <param name="HostOs">Its host.</param>
internal sealed record VhdSubFormat(string Name, bool IsFixed, int Alignment, uint Creator, uint CreatorVersion, uint HostOs)
{
    private const uint Tapdisk = 0x7461_7000; // "tap\0"
    private const uint TapdiskVersion = 0x0001_0003; // 1.3: has a batmap
    private const uint Windows = 0x7769_6E20; // "win "
    private const uint WindowsVersion = 0x000A_0000;
    private const uint WindowsHost = 0x5769_326B; // "Wi2k"

    private static readonly VhdSubFormat[] All =
    [
        new("dynamic", false, 512, Tapdisk, TapdiskVersion, 0),
        new("fixed", true, 512, Windows, WindowsVersion, WindowsHost),
        new("azure-dynamic", false, 1 << 20, Windows, WindowsVersion, WindowsHost),
        new("azure-fixed", true, 1 << 20, Windows, WindowsVersion, WindowsHost),
    ];

    /// <summary>Whether the image carries XenServer's batmap.</summary>
    public bool HasBatmap => Creator == Tapdisk;

    /// <summary>The kind that was asked for.</summary>
    /// <exception cref="DiagnosticException">There is none of this name, or an option that VHDs do not have (DSK003).</exception>
    public static VhdSubFormat Of(ImageWriterOptions options, string fileName)
    {
        if (options.Compression != ImageCompression.None)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException("a VHD cannot be compressed", fileName);
        }

        if (options.UnitBytes is { } unit and not VhdWriter.BlockSize)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException($"blocks of {unit} bytes; VHDs are written with {VhdWriter.BlockSize}, the only size that Azure and XenServer take", fileName);
        }

        if (options.Preallocation != ImagePreallocation.None)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException("a dynamic VHD is not preallocated; the kind 'fixed' has room for everything", fileName);
        }

        var name = options.SubFormat ?? "dynamic";
        return All.FirstOrDefault(one => one.Name == name)
            ?? throw DiskFormatDiagnostics.CannotWrite.ToException($"'{name}' is none of {string.Join(", ", All.Select(one => one.Name))}", fileName);
    }

    /// <summary>The footer of a new image.</summary>
    public VhdFooter FooterFor(long length, Guid uniqueId)
    {
        var size = (length + Alignment - 1) / Alignment * Alignment;
        return new VhdFooter
        {
            DataOffset = IsFixed ? VhdFooter.NoDataOffset : VhdFooter.Size,
            Creator = Creator,
            CreatorVersion = CreatorVersion,
            HostOs = HostOs,
            OriginalSize = (ulong)size,
            CurrentSize = (ulong)size,
            Geometry = VhdGeometry.Of(size),
            Type = IsFixed ? VhdFooter.TypeFixed : VhdFooter.TypeDynamic,
            UniqueId = uniqueId,
        };
    }
}
