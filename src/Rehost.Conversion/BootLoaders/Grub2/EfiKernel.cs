using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>
/// kernel.img of GRUB for UEFI on x86-64: a relocatable ELF object. It is laid out section after section and relocated to its place in a PE image, as grub-mkimage does; every absolute address
/// becomes an entry of the image's base relocations, because firmware loads the image where it likes.
/// </summary>
internal sealed class EfiKernel
{
    private const string Name = "kernel.img";
    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;
    private const int RelocationSize = 24;
    private const int MostSections = 4096;
    private const long LargestImage = 16 << 20;
    private const ushort Relocatable = 1;
    private const ushort X8664 = 62;
    private const uint NoBits = 8;
    private const uint SymbolTable = 2;
    private const uint RelocationsWithAddend = 4;
    private const ushort AbsoluteIndex = 0xfff1;

    private readonly byte[] _elf;
    private readonly string _where;
    private readonly List<Section> _sections = [];
    private readonly List<int> _absolute = [];

    private EfiKernel(byte[] elf, string where) => (_elf, _where) = (elf, where);

    /// <summary>Code, then data, then what is zero at start; begins at <see cref="Start"/> of the image.</summary>
    public byte[] Image { get; private set; } = [];

    /// <summary>Offset in the loaded image of the first byte.</summary>
    public int Start { get; private init; }

    /// <summary>Bytes of code at the beginning, whole pages.</summary>
    public int TextLength { get; private set; }

    /// <summary>Offset in the loaded image of the first instruction.</summary>
    public int Entry { get; private set; }

    /// <summary>Offsets in the loaded image of all 64-bit addresses in it, in order.</summary>
    public IReadOnlyList<int> AbsoluteAddresses => _absolute;

    /// <summary>Lays out and relocates.</summary>
    /// <param name="elf">The file.</param>
    /// <param name="start">Where it begins in the loaded image.</param>
    /// <param name="page">What code and data are aligned to.</param>
    /// <param name="source">Where the file is from, for messages.</param>
    /// <exception cref="DiagnosticException">It is no such object (GRB003).</exception>
    public static EfiKernel Load(byte[] elf, int start, int page, string source)
    {
        var kernel = new EfiKernel(elf, $"{source}/{Name}") { Start = start };
        try
        {
            kernel.ReadSections();
            kernel.LayOut(page);
            kernel.Relocate();
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException or IndexOutOfRangeException)
        {
            throw kernel.Bad($"an offset leaves the file of {elf.Length} bytes");
        }

        kernel._absolute.Sort();
        return kernel;
    }

    private void ReadSections()
    {
        if (_elf.Length < HeaderSize || !_elf.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1]) || U16(16) != Relocatable || U16(18) != X8664 || U16(58) != SectionHeaderSize)
        {
            throw Bad("it is no relocatable 64-bit ELF object for x86-64");
        }

        var table = U64(40);
        int count = U16(60);
        if (count > MostSections || table > _elf.Length - ((long)count * SectionHeaderSize))
        {
            throw Bad($"{count} section headers at {table} leave a file of {_elf.Length} bytes");
        }

        for (var index = 0; index < count; index++)
        {
            var at = (int)table + (index * SectionHeaderSize);
            var section = new Section(U32(at + 4), U64(at + 8), U64(at + 24), U64(at + 32), (int)U32(at + 40), (int)U32(at + 44), Math.Max(1, U64(at + 48)));
            if ((section.Type != NoBits && section.Offset > _elf.Length - section.Size) || section.Size > LargestImage || section.Alignment > 4096)
            {
                throw Bad($"section {index} of {section.Size} bytes at {section.Offset}, aligned to {section.Alignment}");
            }

            _sections.Add(section);
        }
    }

    private void LayOut(int page)
    {
        long end = Start;
        Place(section => section.IsCode);
        end = Align(end, page);
        TextLength = (int)(end - Start);
        Place(section => !section.IsCode && section.Type != NoBits);
        Place(section => !section.IsCode && section.Type == NoBits);
        end = Align(end, page);
        Image = new byte[end - Start];
        foreach (var section in _sections.Where(section => section.Address >= 0 && section.Type != NoBits))
        {
            _elf.AsSpan((int)section.Offset, (int)section.Size).CopyTo(Image.AsSpan((int)(section.Address - Start)));
        }

        void Place(Func<Section, bool> isWanted)
        {
            foreach (var section in _sections.Where(section => section.IsLoaded && isWanted(section)))
            {
                end = Align(end, section.Alignment);
                section.Address = end;
                end += section.Size;
                if (end > LargestImage)
                {
                    throw Bad($"its sections take more than {LargestImage} bytes");
                }
            }
        }
    }

    private void Relocate()
    {
        var symbols = _sections.Find(section => section.Type == SymbolTable) ?? throw Bad("it has no symbol table");
        Entry = FindStart(symbols);
        foreach (var relocations in _sections.Where(section => section.Type == RelocationsWithAddend && section.Info < _sections.Count && _sections[section.Info].Address >= 0))
        {
            var target = _sections[relocations.Info];
            for (long done = 0; done + RelocationSize <= relocations.Size; done += RelocationSize)
            {
                var at = (int)(relocations.Offset + done);
                var offset = U64(at);
                var info = (ulong)U64(at + 8);
                if (offset > target.Size - 4)
                {
                    throw Bad($"a relocation at {offset} of a section of {target.Size} bytes");
                }

                Apply((uint)(info & uint.MaxValue), (int)(target.Address + offset), ValueOf(symbols, (int)(info >> 32)), BinaryPrimitives.ReadInt64LittleEndian(_elf.AsSpan(at + 16)));
            }
        }
    }

    // System V ABI, AMD64 supplement, table 4.9. The image is linked at 0.
    private void Apply(uint type, int place, long symbol, long addend)
    {
        var bytes = Image.AsSpan(place - Start);
        switch (type)
        {
            case 0:
                break;
            case 1: // R_X86_64_64
                BinaryPrimitives.WriteInt64LittleEndian(bytes, symbol + addend);
                _absolute.Add(place);
                break;
            case 2 or 4: // R_X86_64_PC32, R_X86_64_PLT32
                BinaryPrimitives.WriteInt32LittleEndian(bytes, checked((int)(symbol + addend - place)));
                break;
            case 24: // R_X86_64_PC64
                BinaryPrimitives.WriteInt64LittleEndian(bytes, symbol + addend - place);
                break;
            default:
                throw Bad($"a relocation of type {type}, which an image that is loaded anywhere cannot have");
        }
    }

    private long ValueOf(Section symbols, int index)
    {
        var at = (int)(symbols.Offset + ((long)index * SymbolSize));
        if (index < 0 || ((long)index + 1) * SymbolSize > symbols.Size)
        {
            throw Bad($"symbol {index} is not in the table");
        }

        int section = U16(at + 6);
        return section == AbsoluteIndex ? U64(at + 8)
            : section > 0 && section < _sections.Count && _sections[section].Address >= 0 ? _sections[section].Address + U64(at + 8)
            : throw Bad($"symbol {index} has no place in the image");
    }

    private int FindStart(Section symbols)
    {
        var names = _sections[symbols.Link];
        for (var index = 1; ((long)index + 1) * SymbolSize <= symbols.Size; index++)
        {
            var at = (int)(symbols.Offset + ((long)index * SymbolSize));
            var name = _elf.AsSpan((int)(names.Offset + U32(at)));
            if (U16(at + 6) != 0 && name.StartsWith("_start\0"u8))
            {
                return (int)ValueOf(symbols, index);
            }
        }

        throw Bad("it has no _start");
    }

    private static long Align(long value, long unit) => (value + unit - 1) / unit * unit;

    private DiagnosticException Bad(string what) => GrubDiagnostics.FileMalformed.ToException(what, _where);

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_elf.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_elf.AsSpan(at));

    private long U64(int at) => checked((long)BinaryPrimitives.ReadUInt64LittleEndian(_elf.AsSpan(at)));

    private sealed record Section(uint Type, long Flags, long Offset, long Size, int Link, int Info, long Alignment)
    {
        public bool IsLoaded => (Flags & 2) != 0;

        public bool IsCode => (Flags & 4) != 0;

        public long Address { get; set; } = -1;
    }
}
