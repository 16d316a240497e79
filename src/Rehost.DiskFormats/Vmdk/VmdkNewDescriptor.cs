using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>The descriptor of a new disk, embedded: always 20 sectors, as VMware and QEMU leave room for.</summary>
internal static class VmdkNewDescriptor
{
    public const int Sectors = 20;
    public const int FirstSector = 1;
    private const string DefaultAdapter = "lsilogic";
    private const string HardwareVersion = "4"; // what VMware's own OVF tools write: every product takes it
    private static readonly string[] Adapters = ["ide", "buslogic", DefaultAdapter, "legacyESX"];

    /// <summary>The descriptor's sectors, padded with zeros.</summary>
    /// <exception cref="DiagnosticException">The adapter is unknown (DSK003).</exception>
    public static byte[] ToBytes(IImageFile file, long sectors, string createType, string access, ImageWriterOptions options)
    {
        var adapter = options.AdapterType ?? DefaultAdapter;
        if (!Adapters.Contains(adapter))
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException($"adapter type '{adapter}'; {string.Join(", ", Adapters)} are written", file.Name);
        }

        // IDE knows 16 heads and 16383 cylinders (ATA-4); VMware gives SCSI disks 255 heads.
        var heads = adapter == "ide" ? 16 : 255;
        var cylinders = Math.Clamp(sectors / (heads * 63), 1, adapter == "ide" ? 16383 : long.MaxValue);
        var identity = SHA256.HashData(Encoding.UTF8.GetBytes("vmdk\n" + options.IdentitySeed));
        var contentId = BinaryPrimitives.ReadUInt32BigEndian(identity.AsSpan(12));

        // The two highest numbers mean "none" and "never written".
        contentId = contentId >= VmdkDescriptor.NoParent - 1 ? 1 : contentId;
        BinaryPrimitives.WriteUInt32BigEndian(identity.AsSpan(12), contentId);
        var fileName = Path.GetFileName(file.Name) is { Length: > 0 } name ? name.Replace('"', '_').ReplaceLineEndings("_") : "disk.vmdk";
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Disk DescriptorFile
            version=1
            encoding="UTF-8"
            CID={contentId:x8}
            parentCID=ffffffff
            createType="{createType}"

            # Extent description
            {access} {sectors} SPARSE "{fileName}"

            # The Disk Data Base
            #DDB

            ddb.adapterType = "{adapter}"
            ddb.encoding = "UTF-8"
            ddb.geometry.cylinders = "{cylinders}"
            ddb.geometry.heads = "{heads}"
            ddb.geometry.sectors = "63"
            ddb.longContentID = "{Convert.ToHexStringLower(identity.AsSpan(0, 16))}"
            ddb.virtualHWVersion = "{HardwareVersion}"

            """).ReplaceLineEndings("\n");
        var bytes = new byte[Sectors * VmdkHeader.SectorSize];
        var encoded = GuestText.Encode(text);
        if (encoded.Length > bytes.Length)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException("the name of the file is too long to be in its descriptor", file.Name);
        }

        encoded.CopyTo(bytes, 0);
        return bytes;
    }
}
