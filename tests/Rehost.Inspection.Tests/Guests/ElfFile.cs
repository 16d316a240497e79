using System.Buffers.Binary;
using System.Text;

namespace Rehost.Inspection.Tests.Guests;

/// <summary>Small ELF files: kernel modules with a .modinfo, kernels with notes for Xen.</summary>
internal static class ElfFile
{
    /// <summary>A kernel module that says what it needs.</summary>
    public static byte[] Module(string depends, bool is64 = true)
        => Sections(is64, (".text", [0xc3]), (".modinfo", Encoding.ASCII.GetBytes($"license=GPL\0depends={depends}\0vermagic=6.1 SMP\0")));

    /// <summary>A file with sections of these contents.</summary>
    public static byte[] Sections(bool is64, params (string Name, byte[] Content)[] sections) => Build(is64, sections, []);

    /// <summary>A kernel with notes of one owner.</summary>
    public static byte[] Notes(bool is64, string owner, params (uint Type, byte[] Content)[] notes)
    {
        using var segment = new MemoryStream();
        foreach (var (type, content) in notes)
        {
            var name = Encoding.ASCII.GetBytes(owner + "\0");
            var header = new byte[12];
            BinaryPrimitives.WriteInt32LittleEndian(header, name.Length);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), content.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), type);
            segment.Write(header);
            segment.Write(name);
            segment.Write(new byte[-name.Length & 3]);
            segment.Write(content);
            segment.Write(new byte[-content.Length & 3]);
        }

        return Build(is64, [], segment.ToArray());
    }

    private static byte[] Build(bool is64, (string Name, byte[] Content)[] sections, byte[] notes)
    {
        var (headerSize, programSize, sectionSize) = is64 ? (64, 56, 64) : (52, 32, 40);
        var names = new StringBuilder("\0");
        var offsets = sections.Select(section => { var at = names.Length; names.Append(section.Name).Append('\0'); return at; }).ToList();
        var stringsName = names.Length;
        names.Append(".shstrtab\0");
        var all = sections.Select(section => section.Content).Append(Encoding.ASCII.GetBytes(names.ToString())).ToList();
        var data = headerSize + programSize;
        var table = data + notes.Length + all.Sum(content => content.Length);
        var file = new byte[table + (sectionSize * (all.Count + 1))];
        ((byte[])[0x7f, (byte)'E', (byte)'L', (byte)'F', (byte)(is64 ? 2 : 1), 1, 1]).CopyTo(file, 0);
        void Put16(int at, int value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), (ushort)value);
        void PutWord(int at, long value)
        {
            if (is64)
            {
                BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(at), value);
            }
            else
            {
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), (int)value);
            }
        }

        Put16(16, 1);
        Put16(18, is64 ? 62 : 3);
        PutWord(is64 ? 32 : 28, headerSize);
        PutWord(is64 ? 40 : 32, table);
        Put16(is64 ? 54 : 42, programSize);
        Put16(is64 ? 56 : 44, 1);
        Put16(is64 ? 58 : 46, sectionSize);
        Put16(is64 ? 60 : 48, all.Count + 1);
        Put16(is64 ? 62 : 50, all.Count);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(headerSize), 4);
        PutWord(headerSize + (is64 ? 8 : 4), data);
        PutWord(headerSize + (is64 ? 32 : 16), notes.Length);
        notes.CopyTo(file, data);
        var position = data + notes.Length;
        for (var i = 0; i < all.Count; i++)
        {
            var header = table + (sectionSize * (i + 1));
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(header), i < offsets.Count ? offsets[i] : stringsName);
            PutWord(header + (is64 ? 24 : 16), position);
            PutWord(header + (is64 ? 32 : 20), all[i].Length);
            all[i].CopyTo(file, position);
            position += all[i].Length;
        }

        return file;
    }
}
