using System.Buffers.Binary;
using System.Text;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>
/// Reads unified kernel images: a PE program whose sections are the kernel, its initramfs and its arguments (UAPI group, "Unified Kernel Image"; Microsoft, "PE Format"). What is no such program
/// is simply none.
/// </summary>
internal static class UnifiedImageReader
{
    private const int MostSections = 96;
    private const int SectionHeader = 40;
    private const int LongestText = 64 << 10;

    /// <summary>Reads one file; null when it holds no kernel.</summary>
    public static UnifiedImage? Read(GuestNode file)
    {
        var dos = ReadAt(file, 0, 64);
        if (dos.Length < 64 || !dos.AsSpan().StartsWith("MZ"u8) || BinaryPrimitives.ReadUInt32LittleEndian(dos.AsSpan(0x3c)) is var at && at > 1 << 20)
        {
            return null;
        }

        var header = ReadAt(file, at, 24);
        if (header.Length < 24 || !header.AsSpan().StartsWith("PE\0\0"u8))
        {
            return null;
        }

        var count = Math.Min(MostSections, (int)BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(6)));
        var table = ReadAt(file, at + 24 + BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(20)), count * SectionHeader);
        var sections = new Dictionary<string, (long Offset, long Length)>(StringComparer.Ordinal);
        for (var index = 0; (index + 1) * SectionHeader <= table.Length; index++)
        {
            var section = table.AsSpan(index * SectionHeader, SectionHeader);
            var name = Encoding.ASCII.GetString(section[..8]).TrimEnd('\0');
            long length = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(section[8..]), BinaryPrimitives.ReadUInt32LittleEndian(section[16..]));
            long offset = BinaryPrimitives.ReadUInt32LittleEndian(section[20..]);
            if (length > 0 && offset <= file.Metadata.Length - length)
            {
                sections.TryAdd(name, (offset, length));
            }
        }

        if (!sections.TryGetValue(".linux", out var kernel))
        {
            return null;
        }

        var initrd = sections.GetValueOrDefault(".initrd");
        return new UnifiedImage
        {
            CommandLine = Text(file, sections, ".cmdline"),
            Release = Text(file, sections, ".uname") is { Length: > 0 } release ? release : null,
            KernelOffset = kernel.Offset,
            KernelLength = kernel.Length,
            InitramfsOffset = initrd.Offset,
            InitramfsLength = initrd.Length,
        };
    }

    /// <summary>The first bytes of the kernel inside.</summary>
    public static byte[] Head(GuestNode file, UnifiedImage image, int length) => ReadAt(file, image.KernelOffset, (int)Math.Min(length, image.KernelLength));

    private static string Text(GuestNode file, Dictionary<string, (long Offset, long Length)> sections, string name)
        => sections.TryGetValue(name, out var section) ? GuestText.Decode(ReadAt(file, section.Offset, (int)Math.Min(LongestText, section.Length))).TrimEnd('\0', '\n', ' ') : "";

    private static byte[] ReadAt(GuestNode file, long offset, int length)
    {
        var bytes = new byte[length];
        var done = 0;
        while (done < length && file.FileSystem.Read(file.Node, offset + done, bytes.AsSpan(done)) is > 0 and var read)
        {
            done += read;
        }

        return bytes[..done];
    }
}
