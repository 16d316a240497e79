using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>kernel.img: a 32-bit ELF program linked at 0x9000. What GRUB's loader needs of it is the flat image of its loadable bytes.</summary>
internal static class GrubKernel
{
    private const string Name = "kernel.img";
    private const uint LinkAddress = 0x9000;
    private const uint MaximumImage = 1 << 20;
    private const int HeaderSize = 52;
    private const int ProgramHeaderSize = 32;
    private const ushort Intel386 = 3;
    private const uint Loadable = 1;

    /// <summary>The flat image, without the part that is zero at start (.bss).</summary>
    /// <exception cref="DiagnosticException">It is no such program (GRB003).</exception>
    public static byte[] Flatten(byte[] elf, string source)
    {
        var where = $"{source}/{Name}";
        if (elf.Length < HeaderSize || !elf.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 1]) || U16(elf, 18) != Intel386)
        {
            throw GrubDiagnostics.FileMalformed.ToException("it is no 32-bit ELF file for Intel 386", where);
        }

        var table = U32(elf, 28);
        int count = U16(elf, 44);
        if (U16(elf, 42) != ProgramHeaderSize || table > elf.Length || count * ProgramHeaderSize > elf.Length - table)
        {
            throw GrubDiagnostics.FileMalformed.ToException($"{count} program headers at {table} leave a file of {elf.Length} bytes", where);
        }

        var image = Array.Empty<byte>();
        for (var index = 0; index < count; index++)
        {
            var header = elf.AsSpan((int)table + (index * ProgramHeaderSize), ProgramHeaderSize);
            var size = BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Loadable || size == 0)
            {
                continue;
            }

            var offset = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
            var address = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
            if (offset > elf.Length || size > elf.Length - offset || address < LinkAddress || address - LinkAddress > MaximumImage)
            {
                throw GrubDiagnostics.FileMalformed.ToException($"a segment of {size} bytes at file offset {offset}, address 0x{address:x}", where);
            }

            var start = (int)(address - LinkAddress);
            if (image.Length < start + size)
            {
                Array.Resize(ref image, start + (int)size);
            }

            elf.AsSpan((int)offset, (int)size).CopyTo(image.AsSpan(start));
        }

        return image.Length > 0 ? image : throw GrubDiagnostics.FileMalformed.ToException("it has no loadable segment", where);
    }

    private static uint U32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static ushort U16(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(offset));
}
