using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>
/// Assembles a GRUB 2 for UEFI on x86-64 out of GRUB's unmodified files, as grub-mkimage -O x86_64-efi does: a PE32+ program (Microsoft, "PE Format") of the relocated kernel, a section "mods" with
/// the modules and the configuration, and base relocations.
/// </summary>
public static class Grub2EfiImage
{
    private const int Page = 4096;
    private const int DosStub = 0x80;
    private const int OptionalHeader = 240;
    private const int SectionHeader = 40;
    private const int CoffHeader = 20;
    private const ushort MachineX64 = 0x8664;
    private const ushort Magic64 = 0x20b;
    private const ushort EfiApplication = 10;
    private const int RelocationDirectory = 5;

    private const uint Code = 0x60000020;
    private const uint Data = 0xC0000040;
    private const uint Discardable = 0x42000040;

    /// <summary>Builds the program.</summary>
    /// <param name="files">GRUB's files for x86_64-efi.</param>
    /// <param name="modules">Modules to embed; those that this version lacks are left out, what they need comes with them.</param>
    /// <param name="prefix">$prefix at start.</param>
    /// <param name="earlyConfig">Commands that run first; null for none.</param>
    /// <exception cref="DiagnosticException">A file is missing or damaged (GRB002 to GRB004).</exception>
    public static byte[] Build(IGrubFiles files, IEnumerable<string> modules, string prefix, string? earlyConfig)
    {
        ArgumentNullException.ThrowIfNull(files);
        var kernel = EfiKernel.Load(files.Read("kernel.img"), Page, Page, files.Description);
        var area = GrubModuleArea.Build(files, GrubModules.Read(files).Available(modules), prefix, earlyConfig, is64Bit: true);
        var relocations = BaseRelocations(kernel.AbsoluteAddresses);
        Section[] sections =
        [
            new(".text", Code, kernel.Start, kernel.Image.AsMemory(0, kernel.TextLength)),
            new(".data", Data, kernel.Start + kernel.TextLength, kernel.Image.AsMemory(kernel.TextLength)),
            new("mods", Data, kernel.Start + kernel.Image.Length, area),
            new(".reloc", Discardable, kernel.Start + kernel.Image.Length + Align(area.Length), relocations),
        ];
        var image = new byte[sections[^1].Address + Align(relocations.Length)];
        WriteHeaders(image, kernel, sections);
        foreach (var section in sections)
        {
            section.Content.Span.CopyTo(image.AsSpan(section.Address));
        }

        return image;
    }

    private static void WriteHeaders(byte[] image, EfiKernel kernel, Section[] sections)
    {
        "MZ"u8.CopyTo(image);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(0x3c), DosStub);
        var at = image.AsSpan(DosStub);
        "PE\0\0"u8.CopyTo(at);
        var coff = at[4..];
        BinaryPrimitives.WriteUInt16LittleEndian(coff, MachineX64);
        BinaryPrimitives.WriteUInt16LittleEndian(coff[2..], (ushort)sections.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(coff[16..], OptionalHeader);
        BinaryPrimitives.WriteUInt16LittleEndian(coff[18..], 0x020E); // executable, no line numbers, no symbols, large addresses, no debugging information
        var optional = coff[CoffHeader..];
        BinaryPrimitives.WriteUInt16LittleEndian(optional, Magic64);
        BinaryPrimitives.WriteInt32LittleEndian(optional[4..], kernel.TextLength);
        BinaryPrimitives.WriteInt32LittleEndian(optional[8..], image.Length - Page - kernel.TextLength);
        BinaryPrimitives.WriteInt32LittleEndian(optional[16..], kernel.Entry);
        BinaryPrimitives.WriteInt32LittleEndian(optional[20..], kernel.Start);
        BinaryPrimitives.WriteInt32LittleEndian(optional[32..], Page); // section alignment
        BinaryPrimitives.WriteInt32LittleEndian(optional[36..], Page); // file alignment: every section is where it is loaded
        BinaryPrimitives.WriteInt32LittleEndian(optional[56..], image.Length);
        BinaryPrimitives.WriteInt32LittleEndian(optional[60..], Page);
        BinaryPrimitives.WriteUInt16LittleEndian(optional[68..], EfiApplication);
        BinaryPrimitives.WriteInt64LittleEndian(optional[72..], 0x10000); // stack reserve and commit, heap reserve and commit
        BinaryPrimitives.WriteInt64LittleEndian(optional[80..], 0x10000);
        BinaryPrimitives.WriteInt64LittleEndian(optional[88..], 0x10000);
        BinaryPrimitives.WriteInt64LittleEndian(optional[96..], 0x10000);
        BinaryPrimitives.WriteInt32LittleEndian(optional[108..], 16);
        var directory = optional[(112 + (RelocationDirectory * 8))..];
        BinaryPrimitives.WriteInt32LittleEndian(directory, sections[^1].Address);
        BinaryPrimitives.WriteInt32LittleEndian(directory[4..], sections[^1].Content.Length);
        var table = optional[OptionalHeader..];
        foreach (var section in sections)
        {
            System.Text.Encoding.ASCII.GetBytes(section.Name, table);
            BinaryPrimitives.WriteInt32LittleEndian(table[8..], section.Content.Length);
            BinaryPrimitives.WriteInt32LittleEndian(table[12..], section.Address);
            BinaryPrimitives.WriteInt32LittleEndian(table[16..], Align(section.Content.Length));
            BinaryPrimitives.WriteInt32LittleEndian(table[20..], section.Address);
            BinaryPrimitives.WriteUInt32LittleEndian(table[36..], section.Characteristics);
            table = table[SectionHeader..];
        }
    }

    // "The .reloc Section": a block for each page, entries of 4 bits type (10: 64-bit address) and 12 bits offset, filled up to a multiple of 4 bytes.
    private static byte[] BaseRelocations(IReadOnlyList<int> addresses)
    {
        using var output = new MemoryStream();
        Span<byte> word = stackalloc byte[8];
        foreach (var page in addresses.GroupBy(address => address / Page))
        {
            var entries = page.Select(address => (ushort)(0xA000 | (address % Page))).ToList();
            if (entries.Count % 2 != 0)
            {
                entries.Add(0);
            }

            BinaryPrimitives.WriteInt32LittleEndian(word, page.Key * Page);
            BinaryPrimitives.WriteInt32LittleEndian(word[4..], 8 + (entries.Count * 2));
            output.Write(word);
            foreach (var entry in entries)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(word, entry);
                output.Write(word[..2]);
            }
        }

        return output.ToArray();
    }

    private static int Align(int length) => (length + Page - 1) / Page * Page;

    private readonly record struct Section(string Name, uint Characteristics, int Address, ReadOnlyMemory<byte> Content);
}
