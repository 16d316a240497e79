using System.Buffers.Binary;
using System.Text;
using Rehost.Archives;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>
/// What a kernel says to Xen's domain builder (xen/include/public/elfnote.h): notes of owner "Xen" in the ELF file inside the image, or, before 2.6.18, a section __xen_guest of text.
/// </summary>
internal static class XenNotes
{
    private const int MaximumImage = 64 << 20;
    private const int MaximumKernel = 256 << 20;
    private const int MaximumNotes = 1 << 20;
    private const uint Entry = 1;
    private const uint HypercallPage = 2;
    private const uint PaeMode = 9;
    private const uint Physical32Entry = 18;
    private const uint NoteSegment = 4;

    /// <summary>The ABI that a kernel image is built for: x86_64, x86_32p, x86_32; null when it cannot run as a PV guest or cannot be read.</summary>
    public static string? ReadAbi(GuestReader reader, string path, CancellationToken cancellationToken) => Read(reader, path, cancellationToken).Abi;

    /// <summary>The ABI that a kernel image is built for, and whether it starts as a PVH guest.</summary>
    public static (string? Abi, bool IsPvh) Read(GuestReader reader, string path, CancellationToken cancellationToken)
    {
        if (reader.Find(path) is not { Kind: FileSystems.NodeKind.File } file || file.Metadata.Length > MaximumImage)
        {
            return (null, false);
        }

        try
        {
            return Unpack(reader.Tree.ReadAllBytes(path, MaximumImage), path, cancellationToken) is { } elf ? (Abi(elf), IsPvh(elf)) : (null, false);
        }
        catch (DiagnosticException)
        {
            return (null, false); // A compressed kernel that we cannot unpack: nothing is known of it.
        }
    }

    /// <summary>Whether an ELF kernel has the entry for PVH guests.</summary>
    public static bool IsPvh(ReadOnlySpan<byte> elf) => IsElf(elf) && ReadNotes(elf, elf[4] == 2).IsPvh;

    /// <summary>The ABI that an ELF kernel is built for; null when it cannot run as a PV guest.</summary>
    public static string? Abi(ReadOnlySpan<byte> elf)
    {
        if (!IsElf(elf))
        {
            return null;
        }

        var is64 = elf[4] == 2;
        var (hasEntry, pae, _) = ReadNotes(elf, is64);
        if (!hasEntry && ModuleInformation.Section(elf, "__xen_guest"u8) is { Length: > 0 } old)
        {
            var text = Encoding.Latin1.GetString(elf.Slice(old.Start, Math.Min(old.Length, MaximumNotes)));
            (hasEntry, pae) = (text.Contains("XEN_VER=xen-3.0", StringComparison.Ordinal), text.Contains("PAE=yes", StringComparison.Ordinal));
        }

        return !hasEntry ? null : is64 ? "x86_64" : pae ? "x86_32p" : "x86_32";
    }

    private static bool IsElf(ReadOnlySpan<byte> elf) => elf.Length >= 64 && elf.StartsWith("\u007fELF"u8) && elf[5] == 1;

    /// <summary>The ELF file in a kernel image: a bzImage holds it compressed (boot.rst, payload_offset), kernels for Xen alone were ELF files, gzipped or plain.</summary>
    private static byte[]? Unpack(byte[] image, string path, CancellationToken cancellationToken)
    {
        if (!KernelImageHeader.IsBzImage(image))
        {
            return Decompressor.DecompressAll(image, MaximumKernel, path, cancellationToken);
        }

        if (image.Length < 0x250 || BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(0x206)) < 0x0208)
        {
            return null;
        }

        var setup = (image[0x1f1] == 0 ? 4 : image[0x1f1]) + 1;
        var offset = (setup * 512L) + BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(0x248));
        var length = BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(0x24c));
        if (offset > image.Length || length > image.Length - offset)
        {
            return null;
        }

        var payload = image.AsMemory((int)offset, (int)length);
        var kind = Decompressor.Detect(payload.Span);
        using var stream = Decompressor.Open(kind, payload, MaximumKernel, where: path, cancellationToken: cancellationToken);
        using var kernel = new MemoryStream();
        stream.CopyTo(kernel);
        return kernel.ToArray();
    }

    private static (bool HasEntry, bool IsPae, bool IsPvh) ReadNotes(ReadOnlySpan<byte> elf, bool is64)
    {
        var table = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(elf[32..]) : BinaryPrimitives.ReadUInt32LittleEndian(elf[28..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 54 : 42)..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 56 : 44)..]);
        var (hasEntry, isPae, isPvh) = (false, false, false);
        if (size < (is64 ? 56 : 32) || table > (ulong)elf.Length || (ulong)elf.Length - table < (ulong)size * (ulong)count)
        {
            return (false, false, false);
        }

        for (var i = 0; i < count; i++)
        {
            var header = elf.Slice((int)table + (i * size), size);
            var offset = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(header[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
            var length = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(header[32..]) : BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) == NoteSegment && offset <= (ulong)elf.Length && length <= (ulong)elf.Length - offset && length <= MaximumNotes)
            {
                Walk(elf.Slice((int)offset, (int)length), ref hasEntry, ref isPae, ref isPvh);
            }
        }

        return (hasEntry, isPae, isPvh);
    }

    private static void Walk(ReadOnlySpan<byte> notes, ref bool hasEntry, ref bool isPae, ref bool isPvh)
    {
        while (notes.Length >= 12)
        {
            long nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            long descriptionSize = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            var type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            var description = 12 + ((nameSize + 3) & ~3L);
            var next = description + ((descriptionSize + 3) & ~3L);
            if (next > notes.Length)
            {
                return;
            }

            if (notes.Slice(12, (int)nameSize).SequenceEqual("Xen\0"u8))
            {
                // The entry alone is enough on x86; a kernel that only starts as PVH has neither it nor a hypercall page.
                hasEntry |= type is Entry or HypercallPage;
                isPvh |= type == Physical32Entry;
                isPae |= type == PaeMode && notes.Slice((int)description, (int)descriptionSize) is [(byte)'y', ..] or [(byte)'b', ..];
            }

            notes = notes[(int)next..];
        }
    }
}
