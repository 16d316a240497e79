using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>
/// Makes sure that an image refers to no other file. A hostile one could name any file of the host as its backing file or as a part of itself, and the guest would read it.
/// </summary>
internal static class StandaloneImage
{
    // qcow2 header: magic at 0, backing_file_offset at 8, incompatible_features at 72; bit 2 is an external data file (qemu docs/interop/qcow2.txt).
    private const int HeaderLength = 104;

    // VMDK's sparse header: "KDMV", version at 4, capacity in sectors at 12. Without a capacity, or without the header at all, its descriptor names files.
    private const uint VmdkMagic = 0x564D444B;

    /// <summary>Checks a file.</summary>
    /// <exception cref="DiagnosticException">QEM004 or QEM005.</exception>
    public static void Check(string path, string format, DiskFilePart? part = null)
    {
        try
        {
            using var file = FileDevice.OpenRead(path);
            Span<byte> header = stackalloc byte[HeaderLength];
            header.Clear();
            var start = part?.Offset ?? 0;
            var length = (int)Math.Clamp(file.Length - start, 0, HeaderLength);
            if (start >= 0)
            {
                file.Read(new GuestOffset(start), header[..length]);
            }

            if (format == "vmdk" && (length < HeaderLength || BinaryPrimitives.ReadUInt32LittleEndian(header) != VmdkMagic || BinaryPrimitives.ReadUInt64LittleEndian(header[12..]) == 0))
            {
                throw QemuDiagnostics.RefersElsewhere.ToException("it is no VMDK in one piece; its data may be in other files", path);
            }

            if (format != "qcow2")
            {
                return;
            }

            if (length < 72 || BinaryPrimitives.ReadUInt32BigEndian(header) != 0x514649FB)
            {
                throw QemuDiagnostics.DiskUnreadable.ToException("it is described as qcow2 and is none", path);
            }

            var version = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
            var backing = BinaryPrimitives.ReadUInt64BigEndian(header[8..]);
            var features = version >= 3 ? BinaryPrimitives.ReadUInt64BigEndian(header[72..]) : 0;
            if (backing != 0 || (features & 4) != 0)
            {
                throw QemuDiagnostics.RefersElsewhere.ToException(backing != 0 ? "it has a backing file" : "its data is in another file", path);
            }
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id.StartsWith("BLK", StringComparison.Ordinal))
        {
            throw QemuDiagnostics.DiskUnreadable.ToException(e.Diagnostic.Message, path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw QemuDiagnostics.DiskUnreadable.ToException(e.Message, path, e);
        }
    }
}
