using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Archives.Modules;

/// <summary>What a kernel module says of itself: the strings of its section .modinfo (Linux include/linux/moduleparam.h) and the symbols that it exports (its entries __ksymtab_…). Only headers are believed that lie within the file.</summary>
public sealed record KernelModuleFile
{
    private const int MaximumSections = 1 << 16;
    private const int MaximumStrings = 1 << 16;
    private const int MaximumSymbols = 1 << 18;

    /// <summary>Names of the modules that it needs directly, as written.</summary>
    public ImmutableArray<string> Depends { get; init; } = [];

    /// <summary>Aliases: pci:v00001AF4d*, fs-ext4.</summary>
    public ImmutableArray<string> Aliases { get; init; } = [];

    /// <summary>Lines of softdep: "pre: crc32c".</summary>
    public ImmutableArray<string> SoftDepends { get; init; } = [];

    /// <summary>Symbols that it exports.</summary>
    public ImmutableArray<string> Exports { get; init; } = [];

    /// <summary>Reads an ELF file that is not compressed; null when it is none, or a damaged one.</summary>
    public static KernelModuleFile? Read(ReadOnlySpan<byte> elf)
    {
        if (Sections(elf) is not { } sections)
        {
            return null;
        }

        var information = Strings(elf, sections, ".modinfo");
        return new KernelModuleFile
        {
            Depends = [.. Values(information, "depends=").SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries))],
            Aliases = [.. Values(information, "alias=")],
            SoftDepends = [.. Values(information, "softdep=")],
            Exports = [.. ExportsOf(elf, sections)],
        };
    }

    private static IEnumerable<string> Values(List<string> information, string key)
        => information.Where(text => text.StartsWith(key, StringComparison.Ordinal)).Select(text => text[key.Length..]).Where(value => value.Length > 0);

    private static List<string> Strings(ReadOnlySpan<byte> elf, List<Section> sections, string name)
    {
        var found = new List<string>();
        if (sections.Find(section => section.Name == name) is not { } section)
        {
            return found;
        }

        var rest = elf.Slice(section.Offset, section.Length);
        while (!rest.IsEmpty && found.Count < MaximumStrings)
        {
            var end = rest.IndexOf((byte)0);
            var text = end < 0 ? rest : rest[..end];
            if (!text.IsEmpty)
            {
                found.Add(GuestText.Decode(text));
            }

            rest = end < 0 ? [] : rest[(end + 1)..];
        }

        return found;
    }

    private static SortedSet<string> ExportsOf(ReadOnlySpan<byte> elf, List<Section> sections)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        var is64 = elf[4] == 2;
        foreach (var table in sections.Where(section => section.Type == 2 && section.Link < sections.Count))
        {
            var strings = sections[table.Link];
            var size = is64 ? 24 : 16;
            for (var i = 1; i < Math.Min(table.Length / size, MaximumSymbols); i++)
            {
                var nameOffset = BinaryPrimitives.ReadUInt32LittleEndian(elf[(table.Offset + (i * size))..]);
                if (nameOffset >= (uint)strings.Length)
                {
                    continue;
                }

                var text = elf.Slice(strings.Offset + (int)nameOffset, strings.Length - (int)nameOffset);
                if (text.StartsWith("__ksymtab_"u8) && text.IndexOf((byte)0) is > 10 and < 512 and var end)
                {
                    names.Add(GuestText.Decode(text[10..end]));
                }
            }
        }

        return names;
    }

    private static List<Section>? Sections(ReadOnlySpan<byte> elf)
    {
        if (elf.Length < 64 || !elf.StartsWith("\u007fELF"u8) || elf[5] != 1 || elf[4] is not (1 or 2))
        {
            return null;
        }

        var is64 = elf[4] == 2;
        var offset = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(elf[40..]) : BinaryPrimitives.ReadUInt32LittleEndian(elf[32..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 58 : 46)..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 60 : 48)..]);
        int names = BinaryPrimitives.ReadUInt16LittleEndian(elf[(is64 ? 62 : 50)..]);
        if (size < (is64 ? 64 : 40) || count is 0 or > MaximumSections || names >= count || offset > (ulong)elf.Length || (ulong)elf.Length - offset < (ulong)count * (ulong)size)
        {
            return null;
        }

        var sections = new List<Section>(count);
        for (var i = 0; i < count; i++)
        {
            var header = elf.Slice((int)offset + (i * size), size);
            var type = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
            var start = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(header[24..]) : BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
            var length = is64 ? BinaryPrimitives.ReadUInt64LittleEndian(header[32..]) : BinaryPrimitives.ReadUInt32LittleEndian(header[20..]);
            var link = BinaryPrimitives.ReadUInt32LittleEndian(header[(is64 ? 40 : 24)..]);
            var isThere = type != 8 && start <= (ulong)elf.Length && length <= (ulong)elf.Length - start; // 8: .bss, which takes no room in the file
            sections.Add(new Section("", BinaryPrimitives.ReadUInt32LittleEndian(header), type, isThere ? (int)start : 0, isThere ? (int)length : 0, (int)Math.Min(link, MaximumSections)));
        }

        var strings = sections[names];
        for (var i = 0; i < count; i++)
        {
            if (sections[i].NameOffset < (uint)strings.Length)
            {
                var text = elf.Slice(strings.Offset + (int)sections[i].NameOffset, Math.Min(64, strings.Length - (int)sections[i].NameOffset));
                sections[i] = sections[i] with { Name = text.IndexOf((byte)0) is > 0 and var end ? GuestText.Decode(text[..end]) : "" };
            }
        }

        return sections;
    }

    private sealed record Section(string Name, uint NameOffset, uint Type, int Offset, int Length, int Link);
}
