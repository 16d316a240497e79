using System.Buffers.Binary;
using Rehost.Archives;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>What a kernel module says of itself: strings name=value in the section .modinfo of its ELF file (Linux include/linux/moduleparam.h, MODULE_INFO).</summary>
internal static class ModuleInformation
{
    private const int MaximumModule = 64 << 20;
    private const int MaximumSections = 1 << 16;

    /// <summary>The modules that a module needs, by its line depends=; null when the file is none that can be read.</summary>
    /// <param name="file">The module file, compressed or not.</param>
    /// <param name="where">What to call it in messages.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static IReadOnlyList<string>? ReadDepends(ReadOnlyMemory<byte> file, string where, CancellationToken cancellationToken)
    {
        try
        {
            return Depends(Decompressor.DecompressAll(file, MaximumModule, where, cancellationToken));
        }
        catch (DiagnosticException)
        {
            return null; // A damaged module cannot be loaded by the guest either.
        }
    }

    /// <summary>As <see cref="ReadDepends"/>, of an ELF file that is not compressed.</summary>
    public static IReadOnlyList<string>? Depends(ReadOnlySpan<byte> elf)
    {
        if (Section(elf, ".modinfo"u8) is not { Length: > 0 } range)
        {
            return null;
        }

        var section = elf.Slice(range.Start, range.Length);
        while (!section.IsEmpty)
        {
            var end = section.IndexOf((byte)0);
            var text = end < 0 ? section : section[..end];
            if (text.StartsWith("depends="u8))
            {
                return GuestText.Decode(text["depends=".Length..]).Split(',', StringSplitOptions.RemoveEmptyEntries);
            }

            section = end < 0 ? [] : section[(end + 1)..];
        }

        return [];
    }

    /// <summary>Where a section of a little-endian ELF file lies (ELF specification, section headers); null when there is none of that name or the file is none.</summary>
    public static (int Start, int Length)? Section(ReadOnlySpan<byte> elf, ReadOnlySpan<byte> name)
    {
        if (elf.Length < 64 || !elf.StartsWith("\u007fELF"u8) || elf[5] != 1)
        {
            return null;
        }

        var is64 = elf[4] == 2;
        var tableOffset = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(elf[40..]) : BinaryPrimitives.ReadUInt32LittleEndian(elf[32..]);
        int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 58 : 46)..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 60 : 48)..]);
        int names = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 62 : 50)..]);
        if (entrySize < (is64 ? 64 : 40) || count is 0 or > MaximumSections || tableOffset > (ulong)elf.Length || (ulong)elf.Length - tableOffset < (ulong)count * (ulong)entrySize || names >= count)
        {
            return null;
        }

        var table = elf.Slice((int)tableOffset, count * entrySize);
        if (Contents(elf, table.Slice(names * entrySize, entrySize), is64) is not { } strings)
        {
            return null;
        }

        for (var i = 0; i < count; i++)
        {
            var header = table.Slice(i * entrySize, entrySize);
            var nameOffset = BinaryPrimitives.ReadUInt32LittleEndian(header);
            if (nameOffset < (uint)strings.Length)
            {
                var text = elf.Slice(strings.Start + (int)nameOffset, strings.Length - (int)nameOffset);
                if (text.Length > name.Length && text.StartsWith(name) && text[name.Length] == 0)
                {
                    return Contents(elf, header, is64);
                }
            }
        }

        return null;
    }

    private static (int Start, int Length)? Contents(ReadOnlySpan<byte> elf, ReadOnlySpan<byte> header, bool is64)
    {
        var offset = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(header[24..]) : BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
        var length = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(header[32..]) : BinaryPrimitives.ReadUInt32LittleEndian(header[20..]);
        return offset <= (ulong)elf.Length && length <= (ulong)elf.Length - offset ? ((int)offset, (int)length) : null;
    }
}
